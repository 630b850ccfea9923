# cmake -DOUTPUT=x.cpp -DROOT=dir -DGENERATED=dir -DFILES=a.cuh,b.cuh -P embed.cmake: the files' names and texts as
# C++. Those that are not in ROOT are in GENERATED.
string(REPLACE "," ";" FILES "${FILES}")
set(all "")
set(entries "")
foreach(name IN LISTS FILES)
  if(EXISTS "${ROOT}/${name}")
    file(READ "${ROOT}/${name}" text)
  else()
    file(READ "${GENERATED}/${name}" text)
  endif()
  string(APPEND all "${name}\n${text}\n")
  string(APPEND entries "    {\"${name}\", R\"attile_text(${text})attile_text\"},\n")
endforeach()
string(SHA256 hash "${all}")
file(WRITE "${OUTPUT}" "#include \"templates/templates.h\"

namespace attile {
namespace {
constexpr Template all[] = {
${entries}};
} // namespace

std::span<const Template> templates() { return all; }
std::string_view templates_hash() { return \"${hash}\"; }

} // namespace attile
")
