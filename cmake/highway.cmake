# Highway as the target hwy::hwy, with or without its own CMake files (Debian's name no target).
find_package(hwy QUIET CONFIG)
if(NOT TARGET hwy::hwy)
  find_path(HWY_INCLUDE hwy/highway.h)
  find_library(HWY_LIBRARY hwy)
  if(HWY_INCLUDE AND HWY_LIBRARY)
    add_library(hwy::hwy UNKNOWN IMPORTED)
    set_target_properties(hwy::hwy PROPERTIES IMPORTED_LOCATION ${HWY_LIBRARY}
                          INTERFACE_INCLUDE_DIRECTORIES ${HWY_INCLUDE})
  endif()
endif()
