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
  bitx_add_pack_test(scan_test scan_test.c)
  bitx_add_pack_test(store_test store_test.c store_util.c)

  # Crashes and failing system calls, by scripts around one small program. 77: cannot be run here.
  add_executable(store_driver store_driver.c)
  bitx_target_defaults(store_driver)
  target_link_libraries(store_driver PRIVATE zipllm_static)
  foreach(script kill faults order full)
    add_test(NAME store_${script}
      COMMAND "${CMAKE_CURRENT_SOURCE_DIR}/store_${script}.sh" $<TARGET_FILE:store_driver>
              $<TARGET_FILE:make_family>)
    set_tests_properties(store_${script} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)
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
  bitx_add_fuzzer(fuzz_safetensors fuzz_safetensors.c
    "${PROJECT_SOURCE_DIR}/pack/safetensors.c" "${PROJECT_SOURCE_DIR}/pack/json_pull.c")
  target_link_libraries(fuzz_safetensors PRIVATE bitx_static)
  bitx_add_fuzzer(fuzz_gguf fuzz_gguf.c "${PROJECT_SOURCE_DIR}/pack/gguf.c"
    "${PROJECT_SOURCE_DIR}/pack/cursor.c" "${PROJECT_SOURCE_DIR}/pack/utf8.c")
  target_link_libraries(fuzz_gguf PRIVATE bitx_static)
  bitx_add_fuzzer(fuzz_torchzip fuzz_torchzip.c "${PROJECT_SOURCE_DIR}/pack/torchzip.c"
    "${PROJECT_SOURCE_DIR}/pack/zip.c" "${PROJECT_SOURCE_DIR}/pack/pickle.c"
    "${PROJECT_SOURCE_DIR}/pack/cursor.c" "${PROJECT_SOURCE_DIR}/pack/utf8.c")
  target_link_libraries(fuzz_torchzip PRIVATE bitx_static)
endif()

# The command line: each script is called with the programs and the source folder.
find_program(PYTHON3 python3)
if(BITX_BUILD_STORE AND PYTHON3)
  foreach(name help models cat encode hostile errors signals)
    add_test(NAME cli_${name} COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/cli_${name}.sh"
      $<TARGET_FILE:zipllm> $<TARGET_FILE:make_family> "${PROJECT_SOURCE_DIR}")
    set_tests_properties(cli_${name} PROPERTIES TIMEOUT 300
      PASS_REGULAR_EXPRESSION "[1-9][0-9]* passed, 0 failed" FAIL_REGULAR_EXPRESSION "FAILED")
  endforeach()
endif()
