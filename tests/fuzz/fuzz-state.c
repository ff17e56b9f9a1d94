// SPDX-License-Identifier: GPL-2.0
/*
 * Feeds the parser of the state file: what it accepts must come out of state_format() such that it
 * is read as the same again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "policy/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state state = {}, again = {};
	char *first, *second;
	size_t first_size, second_size;

	if (state_parse(&state, (const char *)data, size) == 0) {
		assert(state_format(&state, &first, &first_size) == 0);
		assert(state_parse(&again, first, first_size) == 0);
		assert(state_format(&again, &second, &second_size) == 0);
		assert(first_size == second_size && memcmp(first, second, first_size) == 0);
		free(first);
		free(second);
	}
	state_clear(&state);
	state_clear(&again);
	return 0;
}
