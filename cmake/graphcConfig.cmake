# find_package(graphc): the compiler as the program `graphc`, the runtime as graphc::runtime (static)
# and graphc::runtime_shared, and graphc_add_model() to compile definitions.
include(CMakeFindDependencyMacro)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_dependency(Threads)

# This file stands in PREFIX/LIBDIR/cmake/graphc.
get_filename_component(graphc_libdir ${CMAKE_CURRENT_LIST_DIR}/../.. ABSOLUTE)
find_path(graphc_include graphrt/graphrt.h NO_CACHE NO_DEFAULT_PATH REQUIRED
  PATHS ${graphc_libdir}/../include ${graphc_libdir}/../../include)
find_program(graphc_program graphc NO_CACHE NO_DEFAULT_PATH REQUIRED
  PATHS ${graphc_include}/../bin)

if(NOT TARGET graphc)
  add_executable(graphc IMPORTED)
  set_target_properties(graphc PROPERTIES IMPORTED_LOCATION ${graphc_program})
endif()
foreach(kind runtime runtime_shared)
  if(NOT TARGET graphc::${kind})
    add_library(graphc::${kind} UNKNOWN IMPORTED)
    set_target_properties(graphc::${kind} PROPERTIES
      INTERFACE_INCLUDE_DIRECTORIES ${graphc_include}
      INTERFACE_LINK_LIBRARIES "Threads::Threads;m")
  endif()
endforeach()
set_target_properties(graphc::runtime PROPERTIES IMPORTED_LOCATION ${graphc_libdir}/libgraphrt.a)
set_target_properties(graphc::runtime_shared PROPERTIES
  IMPORTED_LOCATION ${graphc_libdir}/libgraphrt.so)
include(${CMAKE_CURRENT_LIST_DIR}/GraphcModel.cmake)
