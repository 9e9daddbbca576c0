# clang-tidy over every source of the product, with the list in .clang-tidy; as many at once as there are cores. Kernels
# are read for one instruction set, the others being the same source, and without OpenMP's pragmas, which hide the loops
# below them from the checks.
cmake_path(SET root NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
cmake_path(ABSOLUTE_PATH BUILD BASE_DIRECTORY ${root} NORMALIZE)
find_program(RUN_CLANG_TIDY NAMES run-clang-tidy run-clang-tidy-14)
if(NOT RUN_CLANG_TIDY)
  message(FATAL_ERROR "run-clang-tidy not found: apt-get install clang-tidy")
endif()
execute_process(COMMAND ${RUN_CLANG_TIDY} -quiet -p ${BUILD} -extra-arg=-DHWY_COMPILE_ONLY_STATIC -extra-arg=-fno-openmp
                        "^${root}(kernels|tensor|nn|gan|apps)/.*\\.cpp$"
                WORKING_DIRECTORY ${root}
                OUTPUT_VARIABLE report ERROR_VARIABLE noise RESULT_VARIABLE failed)
string(REGEX MATCHALL "[^\n]*(warning|error):[^\n]*" findings "${report}")
list(REMOVE_DUPLICATES findings)
list(LENGTH findings count)
if(failed OR count)
  list(JOIN findings "\n" text)
  message(FATAL_ERROR "clang-tidy: ${count} findings\n${text}")
endif()
message(STATUS "clang-tidy: clean")
