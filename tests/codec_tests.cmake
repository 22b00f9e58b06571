# The codec. Its bytes and verdicts are those of every row, so each test runs under several ceilings.
function(bitx_add_codec_test name)
  bitx_add_test(${name} ${name}.c codec_util.c ${ARGN})
  foreach(ceiling scalar avx2)
    add_test(NAME ${name}_${ceiling} COMMAND ${name} --color=never)
    set_tests_properties(${name}_${ceiling} PROPERTIES TIMEOUT 300
      FAIL_REGULAR_EXPRESSION "Tested: 0 " ENVIRONMENT BITX_ISA=${ceiling})
  endforeach()
endfunction()

bitx_add_codec_test(codec_roundtrip)
bitx_add_codec_test(codec_hostile)
bitx_add_codec_test(codec_context)
bitx_add_codec_test(codec_golden)
bitx_add_codec_test(codec_predict)
bitx_add_codec_test(codec_adapter)
target_compile_definitions(codec_adapter PRIVATE
  FRAMES_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors/frames/predicted")
target_compile_definitions(codec_golden PRIVATE
  FRAMES_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors/frames")
target_compile_definitions(codec_predict PRIVATE
  FRAMES_DIR="${CMAKE_CURRENT_SOURCE_DIR}/vectors/frames/predicted")

# A decoder written from FORMAT.md alone must read the same frames.
find_program(PYTHON3 python3)
if(PYTHON3)
  add_test(NAME format_decoder COMMAND ${PYTHON3}
    "${CMAKE_CURRENT_SOURCE_DIR}/format_decoder.py" "${CMAKE_CURRENT_SOURCE_DIR}/vectors/frames")
  add_test(NAME format_decoder_predicted COMMAND ${PYTHON3}
    "${CMAKE_CURRENT_SOURCE_DIR}/format_decoder.py"
    "${CMAKE_CURRENT_SOURCE_DIR}/vectors/frames/predicted")
  add_test(NAME plane_codes COMMAND ${PYTHON3}
    "${PROJECT_SOURCE_DIR}/codec/plane_codes.py" "${PROJECT_SOURCE_DIR}/codec/plane_codes.h")
  set_tests_properties(format_decoder format_decoder_predicted plane_codes PROPERTIES LABELS source)
else()
  message(STATUS "bitx: no python3, so the tests format_decoder and plane_codes are left out")
endif()

# Writes the golden frames that are missing; run by hand when a codec is added.
add_executable(make_frames make_frames.c codec_util.c)
bitx_target_defaults(make_frames)
target_link_libraries(make_frames PRIVATE bitx_static)

# Bits of merged LoRAs by rank: `./dev predictions`.
add_executable(lora_report lora_report.c)
bitx_target_defaults(lora_report)
target_link_libraries(lora_report PRIVATE bitx_static m)
if(TARGET zipllm)
  add_test(NAME frames_rows COMMAND sh "${CMAKE_CURRENT_SOURCE_DIR}/frames_rows.sh"
    $<TARGET_FILE:make_frames> $<TARGET_FILE:zipllm> $<TARGET_FILE:make_family>)
endif()

option(BITX_BUILD_FUZZERS "libFuzzer targets (needs clang)" OFF)
if(BITX_BUILD_FUZZERS)
  # All sources once more, so that they are instrumented.
  file(GLOB fuzzed CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/kernels/*.c"
    "${PROJECT_SOURCE_DIR}/dispatch/*.c" "${PROJECT_SOURCE_DIR}/codec/*.c")
  pkg_check_modules(FUZZ_ZSTD REQUIRED IMPORTED_TARGET libzstd)
  function(bitx_add_frame_fuzzer name)
    add_executable(${name} ${name}.c codec_util.c ${ARGN})
    bitx_target_defaults(${name})
    target_compile_options(${name} PRIVATE -g -O1 -fsanitize=fuzzer,address,undefined
      -fno-sanitize-recover=all)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer,address,undefined)
    target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/kernels"
      "${PROJECT_SOURCE_DIR}/kernels/include" "${PROJECT_SOURCE_DIR}/dispatch"
      "${PROJECT_SOURCE_DIR}/dispatch/include" "${PROJECT_SOURCE_DIR}/codec"
      "${PROJECT_SOURCE_DIR}/codec/include")
    target_link_libraries(${name} PRIVATE PkgConfig::FUZZ_ZSTD)
  endfunction()
  bitx_add_frame_fuzzer(fuzz_frame ${fuzzed})
  list(FILTER fuzzed EXCLUDE REGEX "dispatch/dispatch.c$") # which fuzz_rows.c includes
  bitx_add_frame_fuzzer(fuzz_rows ${fuzzed})
endif()
