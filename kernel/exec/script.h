// SPDX-License-Identifier: MIT
/* The first line of a script: #!interpreter [argument].  Pure, so that it runs on the host too. */
#pragma once

#define SCRIPT_LINE 256 /* bytes of the file that are looked at, as execve(2) has it */

/*
 * Cuts the line in @head (@n bytes read, room for one more; changed) into *interp and *arg (NULL: none).
 * 0, or -ENOEXEC: not a script, nothing after #!, or a name too long for the line.
 */
int script_parse(char *head, size_t n, char **interp, char **arg);
