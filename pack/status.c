/* Names of the enums, and the version. */
#include "zipllm.h"

const char *zipllm_version(void)
{
    return ZIPLLM_VERSION_STRING;
}

const char *zipllm_status_name(zipllm_status status)
{
    static const char *const names[] = {"ok", "error", "usage", "partial", "damaged", "locked"};
    return (unsigned)status < sizeof names / sizeof names[0] ? names[status] : "unknown status";
}

const char *zipllm_kind_name(zipllm_kind kind)
{
    static const char *const names[] = {"tensor", "header", "gap", "blob"};
    return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

const char *zipllm_how_name(zipllm_how how)
{
    static const char *const names[] = {"deduplicated", "delta", "whole"};
    return (unsigned)how < sizeof names / sizeof names[0] ? names[how] : "?";
}

const char *zipllm_found_name(zipllm_found found)
{
    static const char *const names[] = {"none", "--base", "card", "config", "bits"};
    return (unsigned)found < sizeof names / sizeof names[0] ? names[found] : "?";
}
