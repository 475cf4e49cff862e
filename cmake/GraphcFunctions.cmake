# Functions for programs that hold compiled definitions: graphc_add_library, graphc_add_lint,
# graphc_add_test. See docs/building.md. The compiler is the target graphc::tool, the runtime
# graphc::runtime.
include_guard(GLOBAL)
cmake_policy(PUSH)
cmake_policy(VERSION 3.25)

# The compiler: what was built or installed beside this file, or, where that runs on another machine,
# the one that GRAPHC_EXECUTABLE names.
function(graphc_find_tool)
  if(TARGET graphc::tool)
    return()
  endif()
  find_program(GRAPHC_EXECUTABLE graphc NO_CMAKE_FIND_ROOT_PATH
    DOC "The graphc that runs on this machine")
  if(NOT GRAPHC_EXECUTABLE)
    message(FATAL_ERROR "The compiler graphc is not found: install it on this machine, or set "
                        "GRAPHC_EXECUTABLE to where it is")
  endif()
  add_executable(graphc::tool IMPORTED GLOBAL)
  set_target_properties(graphc::tool PROPERTIES IMPORTED_LOCATION ${GRAPHC_EXECUTABLE})
endfunction()

# The machine that programs are built for, as --target names it; empty for this one.
function(graphc_target_triple result)
  set(triple "${GRAPHC_TARGET}")
  foreach(language C CXX)
    if(NOT triple AND CMAKE_CROSSCOMPILING AND CMAKE_${language}_COMPILER_LOADED)
      set(triple "${CMAKE_${language}_COMPILER_TARGET}")
      if(NOT triple)
        execute_process(COMMAND ${CMAKE_${language}_COMPILER} -dumpmachine
          OUTPUT_VARIABLE triple OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
      endif()
    endif()
  endforeach()
  if(NOT triple AND CMAKE_CROSSCOMPILING)
    message(FATAL_ERROR "The compiler does not say which machine it compiles for; set GRAPHC_TARGET")
  endif()
  set(${result} "${triple}" PARENT_SCOPE)
endfunction()

# graphc_add_library(NAME GRAPH file
#   [STATIC|SHARED|OBJECT]   default: SHARED if BUILD_SHARED_LIBS is on, else STATIC
#   [EXPORTS name…]          default: all that the definition has
#   [DEFINES param=value…]
#   [WEIGHTS file]           variables to compile in as constants (safetensors)
#   [CPU name]               default: a portable baseline, and faster versions chosen at run time
#   [MODEL identifier]       the name in the generated interface; default: NAME
#   [CXX]                    for MODEL.hpp: what links the library is compiled as C++20
#   [OPTIONS option…])       further ones of `graphc build`
#
# Compiles a definition into the library NAME, whenever it, a file it imports, the weights or the
# compiler have changed. The library brings MODEL.h and MODEL.hpp and links graphc::runtime.
function(graphc_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "STATIC;SHARED;OBJECT;CXX" "GRAPH;WEIGHTS;CPU;MODEL"
    "EXPORTS;DEFINES;OPTIONS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "graphc_add_library(${name}): unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_GRAPH)
    message(FATAL_ERROR "graphc_add_library(${name}): GRAPH names the definition")
  endif()
  if(NOT arg_MODEL)
    set(arg_MODEL ${name})
  endif()
  if(NOT arg_MODEL MATCHES "^[A-Za-z_][A-Za-z0-9_]*$")
    message(FATAL_ERROR "graphc_add_library(${name}): '${arg_MODEL}' is no identifier, so it can't "
                        "name the generated code; give a name with MODEL")
  endif()
  set(kind STATIC)
  if(BUILD_SHARED_LIBS)
    set(kind SHARED)
  endif()
  set(kinds 0)
  foreach(given STATIC SHARED OBJECT)
    if(arg_${given})
      set(kind ${given})
      math(EXPR kinds "${kinds} + 1")
    endif()
  endforeach()
  if(kinds GREATER 1)
    message(FATAL_ERROR "graphc_add_library(${name}): one of STATIC, SHARED and OBJECT")
  endif()
  graphc_find_tool()

  cmake_path(ABSOLUTE_PATH arg_GRAPH BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE
    OUTPUT_VARIABLE graph)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${name}.graphc)
  graphc_target_triple(triple)
  set(object ${folder}/${arg_MODEL}.o)
  if(triple MATCHES "msvc")
    set(object ${folder}/${arg_MODEL}.obj)
  endif()
  set(headers ${folder}/include/${arg_MODEL}.h ${folder}/include/${arg_MODEL}.hpp)
  file(MAKE_DIRECTORY ${folder}/include)

  set(definition ${graph})
  foreach(define ${arg_DEFINES})
    list(APPEND definition -D ${define})
  endforeach()
  set(options)
  foreach(export ${arg_EXPORTS})
    list(APPEND options --export ${export})
  endforeach()
  if(arg_CPU)
    list(APPEND options --cpu ${arg_CPU})
  endif()
  if(triple)
    list(APPEND options --target ${triple})
  endif()
  set(needed ${graph} graphc::tool)
  if(arg_WEIGHTS)
    cmake_path(ABSOLUTE_PATH arg_WEIGHTS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
    list(APPEND options --weights ${arg_WEIGHTS})
    list(APPEND needed ${arg_WEIGHTS})
  endif()
  # In graphc's own tree the library that generates code is built beside it.
  if(TARGET graphc_codegen_library)
    list(APPEND needed graphc_codegen_library)
  endif()

  # Headers get to where programs include them only if they have changed, so that a change of
  # weights compiles no program anew.
  add_custom_command(
    OUTPUT ${object}
    BYPRODUCTS ${headers} ${folder}/${arg_MODEL}.h ${folder}/${arg_MODEL}.hpp
    COMMAND graphc::tool build ${definition} -o ${folder} --name ${arg_MODEL} --emit=object,header
            ${options} ${arg_OPTIONS} --depfile ${folder}/${arg_MODEL}.d
    COMMAND ${CMAKE_COMMAND} -E copy_if_different ${folder}/${arg_MODEL}.h
            ${folder}/${arg_MODEL}.hpp ${folder}/include
    DEPENDS ${needed}
    DEPFILE ${folder}/${arg_MODEL}.d
    COMMENT "Compiling ${arg_GRAPH}"
    VERBATIM)

  if(kind STREQUAL "OBJECT")
    # CMake lets no object library hold objects that it did not compile; this one is linked like it.
    add_custom_target(${name}_compiled DEPENDS ${object})
    add_library(${name} INTERFACE)
    add_dependencies(${name} ${name}_compiled)
    target_link_libraries(${name} INTERFACE ${object} graphc::runtime)
    target_include_directories(${name} INTERFACE $<BUILD_INTERFACE:${folder}/include>)
    set(scope INTERFACE)
  else()
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    add_library(${name} ${kind} ${object})
    target_link_libraries(${name} PUBLIC graphc::runtime)
    target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${folder}/include FILES ${headers})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
    if(NOT CMAKE_C_COMPILER_LOADED)
      set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
    endif()
    set(scope PUBLIC)
  endif()
  if(kind STREQUAL "SHARED")
    get_target_property(runtime graphc::runtime ALIASED_TARGET)
    if(NOT runtime)
      set(runtime graphc::runtime)
    endif()
    set_property(TARGET ${runtime} PROPERTY GRAPHC_SHARED ON)
  endif()
  if(arg_CXX)
    target_compile_features(${name} ${scope} cxx_std_20)
  endif()
  set_target_properties(${name} PROPERTIES
    GRAPHC_MODEL ${arg_MODEL} GRAPHC_OBJECT ${object} GRAPHC_DEFINITION "${definition}")
endfunction()

# graphc_add_lint(target…
#   [FAIL_ON error|warning|info]   what ends the build; default error: findings are warnings
#   [CONFIG file] [BASELINE file]
#   [OPTIONS option…])             further ones of `graphc lint`
#
# Lints the definitions of libraries made by graphc_add_library when they are built.
function(graphc_add_lint)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "FAIL_ON;CONFIG;BASELINE" "OPTIONS")
  if(NOT arg_FAIL_ON)
    set(arg_FAIL_ON error)
  endif()
  if(NOT arg_FAIL_ON MATCHES "^(error|warning|info)$")
    message(FATAL_ERROR "graphc_add_lint: FAIL_ON is error, warning or info, not ${arg_FAIL_ON}")
  endif()
  set(options --fail-on=${arg_FAIL_ON})
  set(needed)
  foreach(kind CONFIG BASELINE)
    if(arg_${kind})
      cmake_path(ABSOLUTE_PATH arg_${kind} BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
      string(TOLOWER ${kind} option)
      list(APPEND options --${option} ${arg_${kind}})
      list(APPEND needed ${arg_${kind}})
    endif()
  endforeach()
  foreach(target ${arg_UNPARSED_ARGUMENTS})
    set(object)
    if(TARGET ${target})
      get_target_property(object ${target} GRAPHC_OBJECT)
    endif()
    if(NOT object)
      message(FATAL_ERROR "graphc_add_lint: '${target}' was not made by graphc_add_library")
    endif()
    get_target_property(definition ${target} GRAPHC_DEFINITION)
    list(GET definition 0 graph)
    set(configuration)
    if(NOT arg_CONFIG)
      cmake_path(GET graph PARENT_PATH place)
      while(NOT configuration AND NOT place STREQUAL "/")
        if(EXISTS ${place}/graphlint.toml)
          set(configuration ${place}/graphlint.toml)
        endif()
        cmake_path(GET place PARENT_PATH place)
      endwhile()
    endif()
    # After the object: it is made anew when the definition or a file that it imports changes.
    cmake_path(GET object PARENT_PATH folder)
    add_custom_command(
      OUTPUT ${folder}/lint.stamp
      COMMAND graphc::tool lint ${definition} ${options} ${arg_OPTIONS}
      COMMAND ${CMAKE_COMMAND} -E touch ${folder}/lint.stamp
      DEPENDS ${object} ${needed} ${configuration}
      COMMENT "Linting ${target}"
      VERBATIM)
    add_custom_target(${target}_lint ALL DEPENDS ${folder}/lint.stamp)
    add_dependencies(${target}_lint ${target})
  endforeach()
endfunction()

# graphc_add_test(NAME name TARGET library
#   [EXPORT export]              may be left out where there is only one
#   [IN name=file.npy…]          also name=zeros, name=ones, name=random
#   [EXPECT name=file.npy…]      what outputs must be
#   [RTOL x] [ATOL x]            within ATOL + RTOL * |expected|; default 1e-5 and 1e-6
#   [DIMS name=n…] [WEIGHTS file.safetensors] [SEED n]
#   [OPTIONS option…])           further ones of the program, see its --help
#
# Adds a test that calls an export of a library made by graphc_add_library.
function(graphc_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TARGET;EXPORT;RTOL;ATOL;WEIGHTS;SEED"
    "IN;EXPECT;DIMS;OPTIONS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "graphc_add_test: unknown arguments ${arg_UNPARSED_ARGUMENTS}")
  endif()
  set(model)
  if(TARGET "${arg_TARGET}")
    get_target_property(model ${arg_TARGET} GRAPHC_MODEL)
  endif()
  if(NOT model)
    message(FATAL_ERROR "graphc_add_test: '${arg_TARGET}' was not made by graphc_add_library")
  endif()
  if(NOT arg_NAME)
    message(FATAL_ERROR "graphc_add_test: NAME names the test")
  endif()

  set(program ${arg_TARGET}_test_program)
  if(NOT TARGET ${program})
    if(CMAKE_C_COMPILER_LOADED)
      set(source ${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}.graphc/main.c)
    else()
      set(source ${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}.graphc/main.cpp)
    endif()
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${model}.h\"
#include <graphrt/main.h>

int main(int argc, char **argv) { return graphrt_main(${model}_model(), argc, argv); }
" @ONLY)
    add_executable(${program} ${source})
    target_link_libraries(${program} PRIVATE ${arg_TARGET} graphc::runtime_main)
  endif()

  set(options ${arg_EXPORT})
  foreach(option in expect)
    string(TOUPPER ${option} kind)
    foreach(binding ${arg_${kind}})
      if(NOT binding MATCHES "=(zeros|ones|random)$" AND binding MATCHES "^([^=]+)=(.+)$")
        set(file ${CMAKE_MATCH_2})
        cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
        set(binding ${CMAKE_MATCH_1}=${file})
      endif()
      list(APPEND options --${option} ${binding})
    endforeach()
  endforeach()
  foreach(dim ${arg_DIMS})
    list(APPEND options --dim ${dim})
  endforeach()
  if(arg_WEIGHTS)
    cmake_path(ABSOLUTE_PATH arg_WEIGHTS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} NORMALIZE)
  endif()
  foreach(kind RTOL ATOL WEIGHTS SEED)
    string(TOLOWER ${kind} option)
    if(NOT "${arg_${kind}}" STREQUAL "")
      list(APPEND options --${option} ${arg_${kind}})
    endif()
  endforeach()
  add_test(NAME ${arg_NAME} COMMAND ${program} ${options} ${arg_OPTIONS})
endfunction()

cmake_policy(POP)
