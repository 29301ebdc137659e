/*
 * What probe drivers share. They are built as anybody's driver is: mingw-w64, no C runtime, the DDK's headers. Tests reach
 * into them by their exported variables.
 */
#pragma once
#include "ntddk.h"

#define PROBE_EXPORT __declspec(dllexport)
