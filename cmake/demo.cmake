# Paints the bundled sample picture with the bundled model and says where it is and how long it took.
set(source ${CMAKE_CURRENT_LIST_DIR}/..)
cmake_path(ABSOLUTE_PATH PROGRAM BASE_DIRECTORY ${source} NORMALIZE)
cmake_path(GET PROGRAM PARENT_PATH folder)
cmake_path(GET folder PARENT_PATH folder)
set(picture ${folder}/demo.png)
execute_process(COMMAND ${PROGRAM} stylize ${source}/docs/pictures/chelsea.png -o ${picture} --model great_wave
                RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "the demo picture was not painted: see the line above")
endif()
