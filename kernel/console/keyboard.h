/*
 * A PS/2 keyboard behind the 8042 (or what emulates one for USB keyboards).
 */
#pragma once

/*
 * Set up the controller and listen on ISA line 1; what is typed goes to tty_input(), Ctrl-Alt-Del calls
 * `reboot` (at DISPATCH_LEVEL). PASSIVE_LEVEL, once.
 * Returns: 0; -ENODEV without a controller; -EIO if it does not answer; else as irq_connect_line()
 */
int keyboard_init(void (*reboot)(void));
