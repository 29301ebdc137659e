/* Shared by the files of this folder only. */
#pragma once

extern const char *command_name; /* for messages */
