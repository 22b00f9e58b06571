// The umbrella header from C++: it compiles, links, and one call works.
#include <bitx.h>

#include <cstring>

int main()
{
    return std::strcmp(bitx_dtype_name(BITX_BF16), "BF16");
}
