# What find_package(attile) needs. `cmake --install build --component runtime` installs the runtime alone.
include(CMakePackageConfigHelpers)
set(attile_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/attile)
configure_package_config_file(cmake/attileConfig.cmake.in attileConfig.cmake INSTALL_DESTINATION ${attile_config_dir})
write_basic_package_version_file(attileConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/attileConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/attileConfigVersion.cmake
  DESTINATION ${attile_config_dir} COMPONENT runtime)
