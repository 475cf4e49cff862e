# What is installed, in three parts: the tool, the runtime that programs need when they run, and
# what building programs needs (dev).
if(NOT GRAPHC_INSTALL)
  return()
endif()
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(graphc_cmake ${CMAKE_INSTALL_LIBDIR}/cmake/graphc)

# ---- The runtime ----
install(TARGETS graphrt graphrt_static graphrt_shared graphrt_main EXPORT graphcRuntimeTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT dev
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT dev)
install(EXPORT graphcRuntimeTargets NAMESPACE graphc:: DESTINATION ${graphc_cmake} COMPONENT dev)
install(DIRECTORY runtime/include/graphrt DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)
file(RELATIVE_PATH graphrt_prefix
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(runtime/graphrt.pc.in graphrt.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/graphrt.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

# ---- The CMake package ----
write_basic_package_version_file(graphcConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES cmake/graphcConfig.cmake cmake/GraphcFunctions.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/graphcConfigVersion.cmake
  DESTINATION ${graphc_cmake} COMPONENT dev)

# ---- The tool ----
if(TARGET graphc_codegen_library)
  install(TARGETS graphc EXPORT graphcToolTargets
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT tool)
  install(EXPORT graphcToolTargets NAMESPACE graphc:: DESTINATION ${graphc_cmake} COMPONENT tool)
  install(TARGETS graphc_core graphc_codegen_library
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/graphc COMPONENT tool)
endif()
