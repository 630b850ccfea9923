//===- Image.cpp - links one object with itself -------------------------------------------===//
//
// Lays the allocated sections out one after the other and resolves the PC-relative relocations between them.
// What would need an address known only at run time (absolute relocations, a GOT, undefined symbols) is an
// error: the code generator is told to produce none.
//
//===----------------------------------------------------------------------===//
#include "compiler/backends/cpu/CpuBackend.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Endian.h"

namespace attile {

using Object = llvm::object::ELF64LEObjectFile;

static Error internal(llvm::Error error) {
  return internal_error("object code: " + llvm::toString(std::move(error)));
}

namespace {

class Linker {
public:
  explicit Linker(const Object& object) : object(object) {}

  Result<CpuImage> run() {
    layOut();
    for (const llvm::object::SectionRef& section : object.sections())
      if (Result<void> done = relocate(section); !done)
        return done.error();
    for (const llvm::object::ELFSymbolRef& symbol : object.symbols()) {
      if (symbol.getBinding() != llvm::ELF::STB_GLOBAL)
        continue;
      auto section = symbol.getSection();
      auto name = symbol.getName();
      auto value = symbol.getValue();
      if (section && *section != object.section_end() && name && value)
        image.entries[name->str()] = placed.at((*section)->getIndex()) + *value;
      llvm::consumeError(section.takeError());
      llvm::consumeError(name.takeError());
      llvm::consumeError(value.takeError());
    }
    return image;
  }

private:
  void layOut() {
    for (const llvm::object::SectionRef& section : object.sections()) {
      const llvm::object::ELFSectionRef elf(section);
      if (!(elf.getFlags() & llvm::ELF::SHF_ALLOC) || !section.getSize() ||
          section.getName()->starts_with(".eh_frame"))
        continue;
      uint64_t alignment = section.getAlignment().value();
      image.alignment = std::max(image.alignment, alignment);
      image.bytes.resize((image.bytes.size() + alignment - 1) / alignment * alignment);
      placed[section.getIndex()] = image.bytes.size();
      if (auto contents = section.getContents()) {
        auto* data = reinterpret_cast<const std::byte*>(contents->data());
        image.bytes.insert(image.bytes.end(), data, data + contents->size());
      } else {
        llvm::consumeError(contents.takeError());
      }
    }
  }

  Result<void> relocate(const llvm::object::SectionRef& relocations) {
    auto target = relocations.getRelocatedSection();
    if (!target)
      return internal(target.takeError());
    if (*target == object.section_end() || !placed.count((*target)->getIndex()))
      return {};
    for (const llvm::object::ELFRelocationRef relocation : relocations.relocations()) {
      auto symbol = relocation.getSymbol();
      if (symbol == object.symbol_end())
        return internal_error("object code has a relocation without a symbol");
      auto section = symbol->getSection();
      if (!section)
        return internal(section.takeError());
      auto name = symbol->getName();
      std::string named = name ? name->str() : std::string();
      llvm::consumeError(name.takeError());
      if (*section == object.section_end() || !placed.count((*section)->getIndex()))
        return internal_error("kernel code calls or reads '" + named + "', which no image contains");
      auto value = symbol->getValue();
      auto addend = relocation.getAddend();
      if (!value || !addend)
        return internal(value ? addend.takeError() : value.takeError());
      uint64_t place = placed.at((*target)->getIndex()) + relocation.getOffset();
      uint64_t address = placed.at((*section)->getIndex()) + *value + *addend;
      switch (relocation.getType()) {
      case llvm::ELF::R_X86_64_PC32:
      case llvm::ELF::R_X86_64_PLT32:
        llvm::support::endian::write32le(&image.bytes[place], uint32_t(address - place));
        break;
      case llvm::ELF::R_X86_64_PC64:
        llvm::support::endian::write64le(&image.bytes[place], address - place);
        break;
      default:
        return internal_error("object code has relocation type " + std::to_string(relocation.getType()) +
                              " against '" + named + "', which is not position independent");
      }
    }
    return {};
  }

  const Object& object;
  CpuImage image;
  std::map<uint64_t, uint64_t> placed; ///< section index -> offset in the image
};

} // namespace

Result<CpuImage> linkImage(const std::vector<std::byte>& object) {
  llvm::StringRef bytes(reinterpret_cast<const char*>(object.data()), object.size());
  auto parsed = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(bytes, "kernel"));
  if (!parsed)
    return internal(parsed.takeError());
  auto* elf = llvm::dyn_cast<Object>(parsed->get());
  if (!elf)
    return internal_error("object code is not x86-64 ELF");
  return Linker(*elf).run();
}

} // namespace attile
