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
