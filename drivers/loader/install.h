/* What an INF file wants written into the registry for the service that drives a device. */
#pragma once
#include "drivers/loader/match.h"

/*
 * The AddReg sections of the service's install section (HKR is Services\NAME), and of DDInstall.HW (HKR is
 * Devices\DEVICE; NULL: there is none). PASSIVE_LEVEL.
 * Returns: 0; -EINVAL and *fault; errors of registry_set()
 */
int install_registry(const struct inf *inf, const struct match *m, const char *device,
                     struct inf_fault *fault);
