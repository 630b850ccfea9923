// One source, several instruction sets of the host.
//
// The emulator's hot loops are plain C++ that the compiler vectorises. Their sources are compiled once for
// each level of x86-64 (CMake: attile_emulator_host_library in ../CMakeLists.txt), and the level is part of
// every name in them:
//
//     namespace emu::exec { inline namespace EMU_HOST { void add_f32(Warp&); } }
//
// is emu::exec::host_base::add_f32 in one object, host_v3 (AVX2, FMA, F16C) in the next, host_v4 (AVX-512) in
// the third. So the linker can never take the AVX-512 copy of an inline function for a caller that runs
// everywhere. Within such a source `add_f32(w)` means the function of its own level; nothing is dispatched
// and everything can be inlined.
//
// Only the outermost entry is chosen at run time. Each level defines its table of entry points, `const Table
// table`, with external linkage; the one source that chooses declares all of them and is itself compiled
// once:
//
//     #define DECLARE(level) namespace level { extern const Table table; }
//     namespace emu::exec { EMU_FOR_EACH_HOST(DECLARE)
//     const Table& table() { return EMU_CHOOSE_HOST(table); } }
//
// Rules for a source that is compiled per level:
// - what it defines stands in `inline namespace EMU_HOST`, also templates and static constants;
// - types that cross levels (operands, enums, the table itself) stand outside of it;
// - it instantiates nothing of the standard library with code that is not inlined (std::vector, std::string):
//   such functions have one name for all levels. tests/emulator/host_symbols.py checks that.
#pragma once

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#define EMU_HOST host_v4
#elif defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define EMU_HOST host_v3
#else
#define EMU_HOST host_base
#endif

#define EMU_FOR_EACH_HOST(macro) macro(host_base) macro(host_v3) macro(host_v4)

// `name` of the best level that this processor has.
#define EMU_CHOOSE_HOST(name)                                                                                \
  (emu::host::level() == emu::host::Level::v4   ? host_v4::name                                              \
   : emu::host::level() == emu::host::Level::v3 ? host_v3::name                                              \
                                                : host_base::name)

// Functions of one lane: a loop over lanes is vectorised only if they are inlined.
#define EMU_INLINE [[gnu::always_inline]] inline

namespace emu::host {

enum class Level { base, v3, v4 };

// The best level that this processor and its operating system support; EMU_HOST_LEVEL=base|v3|v4 lowers it.
Level level();
const char* name(Level level);

} // namespace emu::host
