/* What libattile_emulator.so has beyond the CUDA Driver API: how it is set up, and what it found.
 *
 *     attileEmuSetOption("target", "sm_80");   before cuInit
 *     attileEmuSetOption("seed", "7");         at any time; counts for launches from then on
 *     ... cuInit, cuLaunchKernel ...
 *     attileEmuGetReport(text, sizeof text);
 *
 * docs/emulator.md lists the options; the environment has them as well (ATTILE_EMU_TARGET, ...). */
#ifndef ATTILE_EMULATOR_H
#define ATTILE_EMULATOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Sets an option. Null, or what is wrong with it: a text that is good until the thread's next call. */
const char* attileEmuSetOption(const char* name, const char* value);

/* What happened until now, as JSON: {"failures": [{"result", "message"}], "findings": [one of each that is
 * different, at most 100 of a launch], "findings_left_out": the number of others, "kernels": {name:
 * {"launches", "warp_instructions", "thread_instructions"}}, "counters": [one of each launch, if the option
 * `counters` is set]}.
 *
 * A finding: {"kind": "race", ..., "kernel", "block": [x, y, z], "thread": [x, y, z], "ptx_line",
 * "ptx_column", "ptx": the text of that line; of PTX with .loc: "file", "line", "column" of the source,
 * "source": that with where it was inlined; of an access: "space", "address": "0x...", "bytes"; "expected",
 * "actual"; of a race: "other": the same of the other thread, and "what"; "count": how often; "text": all of
 * it for a person}.
 *
 * Writes at most `size` bytes with the final zero, and returns how
 * many there are without it. */
size_t attileEmuGetReport(char* buffer, size_t size);

/* The message of the latest failure, of a call or of a kernel; as attileEmuGetReport. Empty if there was
 * none. */
size_t attileEmuGetLastFailure(char* buffer, size_t size);

/* Forgets what happened until now. */
void attileEmuClearReport(void);

#ifdef __cplusplus
}
#endif
#endif
