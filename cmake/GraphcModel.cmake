# graphc_add_model(TARGET FILE.graph
#                  [NAME identifier]          default: the file's stem
#                  [OPTIONS option...])       of `graphc build`: -D batch=8, --cpu native, -O2 …
#
# Compiles a definition when it, or a file it imports, has changed. TARGET is a library to link:
# it brings the generated header NAME.h (and NAME.hpp), the compiled code and the runtime.
function(graphc_add_model target file)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "NAME" "OPTIONS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "graphc_add_model: unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
  if(NOT arg_NAME)
    cmake_path(GET file STEM LAST_ONLY arg_NAME)
  endif()
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.model)
  set(archive ${folder}/lib${arg_NAME}.a)
  file(MAKE_DIRECTORY ${folder})

  # In graphc's own tree the library that generates code is built beside it.
  set(compiler graphc)
  if(TARGET graphc_codegen_library)
    list(APPEND compiler graphc_codegen_library)
  endif()
  # Ninja wants the first output to be the one that the depfile names first.
  add_custom_command(
    OUTPUT ${folder}/${arg_NAME}.h ${folder}/${arg_NAME}.hpp ${archive}
    COMMAND graphc build ${file} -o ${folder} --name ${arg_NAME} ${arg_OPTIONS}
            --depfile ${folder}/${arg_NAME}.d
    DEPENDS ${file} ${compiler}
    DEPFILE ${folder}/${arg_NAME}.d
    COMMENT "Compiling ${arg_NAME}.graph"
    VERBATIM)
  add_custom_target(${target}_compiled
    DEPENDS ${archive} ${folder}/${arg_NAME}.h ${folder}/${arg_NAME}.hpp)

  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_compiled)
  target_include_directories(${target} INTERFACE ${folder})
  target_link_libraries(${target} INTERFACE ${archive} graphc::runtime)
endfunction()
