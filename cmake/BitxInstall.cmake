# What `cmake --install` puts where: the libraries, their headers, CMake and pkg-config files, commands.
include(CMakePackageConfigHelpers)

set_target_properties(bitx_static PROPERTIES EXPORT_NAME static)
set_target_properties(bitx_shared PROPERTIES EXPORT_NAME shared)
install(TARGETS bitx_static bitx_shared EXPORT bitxTargets)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/kernels/include/" "${PROJECT_SOURCE_DIR}/codec/include/"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/bitx")
install(EXPORT bitxTargets NAMESPACE bitx:: DESTINATION "${config_dir}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/bitxConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/bitxConfig.cmake" INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/bitxConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/bitxConfig.cmake" "${PROJECT_BINARY_DIR}/bitxConfigVersion.cmake"
        DESTINATION "${config_dir}")

# bitx_install_pc(name): name.pc, relocatable, from cmake/name.pc.in
function(bitx_install_pc name)
  configure_file("${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in" "${PROJECT_BINARY_DIR}/${name}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${name}.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()

file(RELATIVE_PATH pc_prefix
     "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
bitx_install_pc(bitx)

if(BITX_BUILD_STORE AND TARGET zipllm_static)
  install(TARGETS zipllm_static zipllm_shared)
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/pack/include/" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
          FILES_MATCHING PATTERN "zipllm.h")
  bitx_install_pc(zipllm)
endif()
if(TARGET bitx-bench)
  install(TARGETS bitx-bench)
endif()
