/* The kernels against an independent reference. */
#include <criterion/criterion.h>

#include "dispatch/ops.h"

Test(kernels, registry_is_not_empty)
{
    cr_assert_not_null(bitx_op_at(0));
}
