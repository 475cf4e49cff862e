# Writes OUTPUT, a C++ table of the pages in FOLDER that end in EXTENSION, named without it:
# {"E0201", R"(...)"}. Run as a script:
#   cmake -DFOLDER=… [-DEXTENSION=md] -DOUTPUT=… -P EmbedPages.cmake
if(NOT EXTENSION)
  set(EXTENSION md)
endif()
file(GLOB pages RELATIVE ${FOLDER} ${FOLDER}/*.${EXTENSION})
list(SORT pages)
set(text "// Made from the files of a folder. Do not edit.\n")
foreach(page ${pages})
  file(READ ${FOLDER}/${page} contents HEX)
  # Bytes, not a string literal: no page can hold what ends it, and none is too long.
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${contents}")
  get_filename_component(code ${page} NAME_WE)
  string(APPEND text "static const unsigned char page_${code}[] = {${bytes}};\n")
  string(APPEND table "    {\"${code}\", {reinterpret_cast<const char *>(page_${code}), sizeof page_${code}}},\n")
endforeach()
string(APPEND text "static const Page pages[] = {\n${table}};\n")
file(WRITE ${OUTPUT}.new "${text}")
file(COPY_FILE ${OUTPUT}.new ${OUTPUT} ONLY_IF_DIFFERENT)
file(REMOVE ${OUTPUT}.new)
