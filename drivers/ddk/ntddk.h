/* The name under which most drivers know wdm.h. */
#pragma once
#include "wdm.h"
