# Writes HEADER with the revision of SOURCES; untouched when it says so already, so nothing rebuilds.
set(revision unknown)
find_program(GIT git)
if(GIT)
  execute_process(COMMAND ${GIT} -C "${SOURCES}" rev-parse --short=10 HEAD
    OUTPUT_VARIABLE commit ERROR_QUIET RESULT_VARIABLE failed OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    set(revision ${commit})
    execute_process(COMMAND ${GIT} -C "${SOURCES}" status --porcelain --untracked-files=no
      OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      string(APPEND revision +changes)
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT "${HEADER}" CONTENT "#define BENCH_REVISION \"${revision}\"\n")
