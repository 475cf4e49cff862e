# find_package(graphc 1.0 [COMPONENTS tool runtime]): the compiler graphc::tool, the runtime
# graphc::runtime, and the functions of GraphcFunctions.cmake. Without COMPONENTS both are wanted.
if(NOT graphc_FIND_COMPONENTS)
  set(graphc_FIND_COMPONENTS tool runtime)
  set(graphc_FIND_REQUIRED_tool TRUE)
  set(graphc_FIND_REQUIRED_runtime TRUE)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/GraphcFunctions.cmake)

set(graphc_runtime_FOUND FALSE)
if(EXISTS ${CMAKE_CURRENT_LIST_DIR}/graphcRuntimeTargets.cmake)
  include(CMakeFindDependencyMacro)
  # Where there is one thread only, the runtime was built without.
  file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/graphcRuntimeTargets.cmake threads REGEX Threads::Threads)
  if(threads)
    set(THREADS_PREFER_PTHREAD_FLAG ON)
    find_dependency(Threads)
  endif()
  include(${CMAKE_CURRENT_LIST_DIR}/graphcRuntimeTargets.cmake)
  if(BUILD_SHARED_LIBS)
    set_property(TARGET graphc::runtime PROPERTY GRAPHC_SHARED ON)
  endif()
  set(graphc_runtime_FOUND TRUE)
endif()

# A tool that was installed for another machine is of no use here.
set(graphc_tool_FOUND FALSE)
if(NOT TARGET graphc::tool AND NOT CMAKE_CROSSCOMPILING AND NOT GRAPHC_EXECUTABLE
   AND EXISTS ${CMAKE_CURRENT_LIST_DIR}/graphcToolTargets.cmake)
  include(${CMAKE_CURRENT_LIST_DIR}/graphcToolTargets.cmake)
endif()
if(NOT TARGET graphc::tool)
  find_program(GRAPHC_EXECUTABLE graphc NO_CMAKE_FIND_ROOT_PATH
    DOC "The graphc that runs on this machine")
endif()
if(TARGET graphc::tool OR GRAPHC_EXECUTABLE)
  graphc_find_tool()
  set(graphc_tool_FOUND TRUE)
endif()

foreach(component ${graphc_FIND_COMPONENTS})
  if(NOT component MATCHES "^(tool|runtime)$")
    set(graphc_FOUND FALSE)
    set(graphc_NOT_FOUND_MESSAGE
      "graphc has no component '${component}'; it has tool and runtime")
  elseif(graphc_FIND_REQUIRED_${component} AND NOT graphc_${component}_FOUND)
    set(graphc_FOUND FALSE)
    if(component STREQUAL "tool")
      set(graphc_NOT_FOUND_MESSAGE
        "the compiler graphc is not installed here; GRAPHC_EXECUTABLE says where it is")
    else()
      set(graphc_NOT_FOUND_MESSAGE "the runtime is not installed here")
    endif()
  endif()
endforeach()
