# Tests of pack/ and tools/, and their fuzz targets.

# The store. Its tests see the private headers of pack/.
function(bitx_add_pack_test name)
  bitx_add_test(${name} ${ARGN})
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/pack")
  target_link_libraries(${name} PRIVATE zipllm_static)
endfunction()

if(BITX_BUILD_STORE)
  bitx_add_pack_test(safetensors_test safetensors_test.c)
  target_compile_definitions(safetensors_test PRIVATE
    HOSTILE_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors/hostile")
  bitx_add_pack_test(gguf_test gguf_test.c vectors_util.c)
  target_compile_definitions(gguf_test PRIVATE GGUF_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors/gguf")
  bitx_add_pack_test(torchzip_test torchzip_test.c vectors_util.c)
  target_compile_definitions(torchzip_test PRIVATE
    TORCH_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors/torch")
  bitx_add_pack_test(sketch_test sketch_test.c family_sim.c)
  target_link_libraries(sketch_test PRIVATE m)
  # The tables of pack/FAMILIES.md: `./dev families`.
  foreach(name families_report families_search families_predicted)
    add_executable(${name} ${name}.c family_sim.c)
    bitx_target_defaults(${name})
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/pack")
    target_link_libraries(${name} PRIVATE zipllm_static m)
  endforeach()
  bitx_add_pack_test(scan_test scan_test.c)
  bitx_add_pack_test(store_test store_test.c store_util.c)

  # Crashes and failing system calls, by scripts around one small program. 77: cannot be run here.
  add_executable(store_driver store_driver.c)
  bitx_target_defaults(store_driver)
  target_link_libraries(store_driver PRIVATE zipllm_static)
  add_library(store_shim MODULE store_shim.c)
  bitx_target_defaults(store_shim)
  set_target_properties(store_shim PROPERTIES C_VISIBILITY_PRESET default)
  target_link_libraries(store_shim PRIVATE ${CMAKE_DL_LIBS})
  function(bitx_add_store_script name script)
    add_test(NAME ${name} COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/${script}" ${ARGN})
    set_tests_properties(${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 LABELS process)
  endfunction()
  set(store_programs $<TARGET_FILE:store_driver> $<TARGET_FILE:make_family>)
  add_executable(kill_after kill_after.c)
  bitx_target_defaults(kill_after)
  bitx_add_store_script(store_kill store_kill.sh ${store_programs} $<TARGET_FILE:kill_after> 20)
  bitx_add_store_script(store_kill_points store_kill_points.sh ${store_programs} 3)
  bitx_add_store_script(store_faults store_faults.sh ${store_programs} 9)
  bitx_add_store_script(store_order store_order.sh ${store_programs})
  bitx_add_store_script(store_full store_full.sh ${store_programs})
  bitx_add_store_script(store_index store_index.sh ${store_programs})
  bitx_add_store_script(store_shim store_shim.sh ${store_programs} $<TARGET_FILE:store_shim>)

  # The tests above with one defence taken away must fail, and for that reason.
  function(bitx_add_broken name wraps)
    string(REGEX REPLACE "([^,]+),?" "-Wl,--wrap=\\1;" options "${wraps}")
    add_executable(${name} ${ARGN} store_broken.c)
    bitx_target_defaults(${name})
    string(REGEX REPLACE ",.*" "" first "${wraps}")
    target_compile_definitions(${name} PRIVATE "BREAK_${first}")
    target_link_options(${name} PRIVATE ${options})
    target_link_libraries(${name} PRIVATE zipllm_static)
  endfunction()
  bitx_add_broken(store_without_fsync fsync store_driver.c)
  bitx_add_store_script(store_without_fsync store_order.sh
    $<TARGET_FILE:store_without_fsync> $<TARGET_FILE:make_family>)
  set_tests_properties(store_without_fsync PROPERTIES
    PASS_REGULAR_EXPRESSION "FAIL: rename before fsync;SKIP")
  bitx_add_broken(store_without_rows zipllm_manifest_check store_driver.c)
  bitx_add_store_script(store_without_rows store_index.sh
    $<TARGET_FILE:store_without_rows> $<TARGET_FILE:make_family>)
  set_tests_properties(store_without_rows PROPERTIES
    PASS_REGULAR_EXPRESSION "FAIL: file_part.name of;SKIP")
  bitx_add_broken(store_without_transaction "zipllm_index_begin,zipllm_index_commit"
    store_driver.c)
  bitx_add_store_script(store_without_transaction store_kill_points.sh
    $<TARGET_FILE:store_without_transaction> $<TARGET_FILE:make_family> 150 add)
  set_tests_properties(store_without_transaction PROPERTIES
    PASS_REGULAR_EXPRESSION "FAIL: add killed at;SKIP")
  foreach(case "compare,memcmp+bcmp,*equal_hash*" "pack_check,zipllm_pack_check,*flipped*")
    string(REPLACE "," ";" case "${case}")
    list(GET case 0 name)
    list(GET case 1 wrap)
    string(REPLACE "+" "," wrap "${wrap}")
    list(GET case 2 filter)
    bitx_add_broken(store_without_${name} ${wrap} store_test.c store_util.c)
    target_link_libraries(store_without_${name} PRIVATE PkgConfig::CRITERION)
    add_test(NAME store_without_${name}
      COMMAND store_without_${name} --color=never "--filter=store/${filter}")
    set_tests_properties(store_without_${name} PROPERTIES
      PASS_REGULAR_EXPRESSION "Failing: [1-9]" TIMEOUT 300)
  endforeach()
endif()

# Fuzz targets: clang only, built on request. Seeds are under vectors/.
option(BITX_BUILD_FUZZERS "libFuzzer targets (needs clang)" OFF)
function(bitx_add_fuzzer name)
  add_executable(${name} ${ARGN})
  bitx_target_defaults(${name})
  target_compile_options(${name} PRIVATE -g -O1 -fsanitize=fuzzer,address,undefined)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/pack")
endfunction()

if(BITX_BUILD_FUZZERS AND BITX_BUILD_STORE)
  # The parser's own files once more, so that they are instrumented.
  file(GLOB safetensors_sources CONFIGURE_DEPENDS
    "${PROJECT_SOURCE_DIR}/pack/safetensors*.c" "${PROJECT_SOURCE_DIR}/pack/json_*.c")
  bitx_add_fuzzer(fuzz_safetensors fuzz_safetensors.c ${safetensors_sources})
  target_link_libraries(fuzz_safetensors PRIVATE bitx_static)
  bitx_add_fuzzer(fuzz_gguf fuzz_gguf.c "${PROJECT_SOURCE_DIR}/pack/gguf.c"
    "${PROJECT_SOURCE_DIR}/pack/cursor.c" "${PROJECT_SOURCE_DIR}/pack/utf8.c")
  target_link_libraries(fuzz_gguf PRIVATE bitx_static)
  bitx_add_fuzzer(fuzz_torchzip fuzz_torchzip.c "${PROJECT_SOURCE_DIR}/pack/torchzip.c"
    "${PROJECT_SOURCE_DIR}/pack/zip.c" "${PROJECT_SOURCE_DIR}/pack/pickle.c"
    "${PROJECT_SOURCE_DIR}/pack/cursor.c" "${PROJECT_SOURCE_DIR}/pack/utf8.c")
  target_link_libraries(fuzz_torchzip PRIVATE bitx_static)
  bitx_add_fuzzer(fuzz_pack fuzz_pack.c "${PROJECT_SOURCE_DIR}/pack/packfile.c")
  target_link_libraries(fuzz_pack PRIVATE zipllm_static)
  bitx_add_fuzzer(fuzz_manifest fuzz_manifest.c "${PROJECT_SOURCE_DIR}/pack/manifest_read.c")
  target_link_libraries(fuzz_manifest PRIVATE zipllm_static)
  bitx_add_fuzzer(fuzz_names fuzz_names.c "${PROJECT_SOURCE_DIR}/pack/target.c"
    "${PROJECT_SOURCE_DIR}/pack/scan.c")
  target_link_libraries(fuzz_names PRIVATE zipllm_static)
endif()

# The command line: each script is called with the programs and the source folder.
find_program(PYTHON3 python3)
if(BITX_BUILD_STORE AND PYTHON3)
  foreach(name help models cat encode families hostile errors signals)
    add_test(NAME cli_${name} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/cli_${name}.sh"
      $<TARGET_FILE:zipllm> $<TARGET_FILE:make_family> "${PROJECT_SOURCE_DIR}")
    set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300 LABELS process
      PASS_REGULAR_EXPRESSION "[1-9][0-9]* passed, 0 failed" FAIL_REGULAR_EXPRESSION "FAILED")
  endforeach()
  foreach(name lora blends adapter)
    add_executable(make_${name} make_${name}.c)
    bitx_target_defaults(make_${name})
    target_link_libraries(make_${name} PRIVATE bitx_static)
  endforeach()
  foreach(case "lora,lora" "blends,blends" "repair,blends" "adapter,adapter")
    string(REGEX REPLACE ",.*" "" name "${case}")
    string(REGEX REPLACE ".*," "" maker "${case}")
    add_test(NAME cli_${name} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/cli_${name}.sh"
      $<TARGET_FILE:zipllm> $<TARGET_FILE:make_family> "${PROJECT_SOURCE_DIR}"
      $<TARGET_FILE:make_${maker}>)
    set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300 LABELS process
      PASS_REGULAR_EXPRESSION "[1-9][0-9]* passed, 0 failed" FAIL_REGULAR_EXPRESSION "FAILED")
  endforeach()
endif()
