# find_package(sumi) gives sumi::sumi: the four layers, their headers under include/sumi, and what they link.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

add_library(sumi_all INTERFACE)
set_target_properties(sumi_all PROPERTIES EXPORT_NAME sumi)
target_link_libraries(sumi_all INTERFACE sumi_gan)
add_library(sumi::sumi ALIAS sumi_all)

install(TARGETS sumi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS sumi_all sumi_kernels sumi_tensor sumi_nn sumi_gan EXPORT sumi ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(layer kernels tensor nn gan)
  install(DIRECTORY ${layer} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sumi FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/sumi/models)
install(EXPORT sumi NAMESPACE sumi:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sumi FILE sumi-targets.cmake)
configure_package_config_file(cmake/sumi-config.cmake.in ${PROJECT_BINARY_DIR}/sumi-config.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sumi)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sumi-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sumi-config.cmake ${PROJECT_BINARY_DIR}/sumi-config-version.cmake
              cmake/highway.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/sumi)
