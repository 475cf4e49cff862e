# What is installed, in three parts: the tool, the runtime that programs need when they run, and
# what building programs needs (dev).
if(NOT GRAPHC_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH graphc_source)
set(graphc_cmake ${CMAKE_INSTALL_LIBDIR}/cmake/graphc)

# ---- The runtime ----
set(shared)
if(TARGET graphrt_shared)
  set(shared graphrt_shared)
endif()
install(TARGETS graphrt graphrt_static ${shared} graphrt_main EXPORT graphcRuntimeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(EXPORT graphcRuntimeTargets NAMESPACE graphc:: DESTINATION ${graphc_cmake} COMPONENT dev)
install(DIRECTORY ${graphc_source}/runtime/include/graphrt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
file(RELATIVE_PATH graphrt_prefix
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${graphc_source}/runtime/graphrt.pc.in graphrt.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/graphrt.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

# ---- The CMake package ----
write_basic_package_version_file(graphcConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_LIST_DIR}/graphcConfig.cmake
  ${CMAKE_CURRENT_LIST_DIR}/GraphcFunctions.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/graphcConfigVersion.cmake
  DESTINATION ${graphc_cmake} COMPONENT dev)

# ---- The tool ----
if(TARGET graphc_codegen_library)
  install(TARGETS graphc EXPORT graphcToolTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
  install(EXPORT graphcToolTargets NAMESPACE graphc:: DESTINATION ${graphc_cmake} COMPONENT tool)
  install(TARGETS graphc_core graphc_codegen_library
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/graphc COMPONENT tool)
  if(TARGET graphc_layout)
    install(TARGETS graphc_layout LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/graphc COMPONENT tool)
  endif()
  install(DIRECTORY ${PROJECT_BINARY_DIR}/pages/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}
    COMPONENT tool OPTIONAL)
  install(DIRECTORY ${graphc_source}/docs/schemas DESTINATION ${CMAKE_INSTALL_DATADIR}/graphc
    COMPONENT tool)
  foreach(shell bash-completion zsh fish)
    install(DIRECTORY ${PROJECT_BINARY_DIR}/pages/${shell} DESTINATION ${CMAKE_INSTALL_DATADIR}
      COMPONENT tool OPTIONAL)
  endforeach()
endif()

# ---- Python ----
install(DIRECTORY ${graphc_source}/runtime/python/ DESTINATION ${CMAKE_INSTALL_DATADIR}/graphc/python COMPONENT dev
  PATTERN __pycache__ EXCLUDE)

# ---- Debian packages: cpack -G DEB ----
if(NOT PROJECT_IS_TOP_LEVEL)
  return()
endif()
set(CPACK_PACKAGE_NAME graphc)
set(CPACK_PACKAGE_CONTACT "The maintainers of graphc <graphc@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime dev)
if(TARGET graphc_codegen_library)
  list(APPEND CPACK_COMPONENTS_ALL tool)
endif()
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
file(CONFIGURE OUTPUT packaging/shlibs
  CONTENT "libgraphrt @PROJECT_VERSION_MAJOR@ graphc-runtime (>= @PROJECT_VERSION@)\n" @ONLY)
file(CONFIGURE OUTPUT packaging/triggers CONTENT "activate-noawait ldconfig\n" @ONLY)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA ${CMAKE_CURRENT_BINARY_DIR}/packaging/shlibs
  ${CMAKE_CURRENT_BINARY_DIR}/packaging/triggers)
set(this_version "(= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_TOOL_PACKAGE_NAME graphc)
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_TOOL_PACKAGE_RECOMMENDS "graphc-dev ${this_version}")
set(CPACK_COMPONENT_TOOL_DESCRIPTION "The compiler: turns definitions, written in a small Python-flavoured language, into
native code with C and C++ interfaces.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME graphc-runtime)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "The runtime: the library that programs with compiled graph definitions need when they run.")
set(CPACK_DEBIAN_DEV_PACKAGE_NAME graphc-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "graphc-runtime ${this_version}, libc6-dev")
set(CPACK_DEBIAN_DEV_PACKAGE_SUGGESTS "graphc ${this_version}, pkg-config, cmake, python3-numpy")
set(CPACK_COMPONENT_DEV_DESCRIPTION "The runtime for building: headers, the static library, and what CMake, pkg-config and
Python need to use compiled graph definitions.")
include(CPack)
