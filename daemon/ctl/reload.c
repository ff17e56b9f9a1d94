// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <string.h>

#include "ctl/bus.h"
#include "policy/text.h"
#include "system/interface.h"

static enum exit_code print_report(sd_bus_message *m, const char *done)
{
	const char *kind, *text;
	unsigned int failed = 0;
	uint64_t changes = 0;
	int r;

	r = sd_bus_message_read(m, "t", &changes);
	if (r >= 0)
		r = sd_bus_message_enter_container(m, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(m, "(ss)", &kind, &text)) > 0) {
		failed += strcmp(kind, "error") == 0;
		fprintf(stderr, "pmdswapctl: %s\n", text);
	}
	if (r < 0)
		return ctl_fail(r, "cannot read the answer of pmdswapd");
	printf("%s: %" PRIu64 " change%s, %u failed\n", done, changes, PLURAL_S(changes), failed);
	return failed ? EXIT_FAILED : EXIT_OK;
}

enum exit_code ctl_call_change(sd_bus *bus, const char *method, const char *done)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	r = sd_bus_message_new_method_call(bus, &call,
					   sd_bus_is_bus_client(bus) > 0 ? BUS_NAME : NULL,
					   BUS_PATH, BUS_INTERFACE, method);
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(call, true);
	if (r >= 0)
		r = sd_bus_call(bus, call, CHANGE_TIMEOUT_USEC, &error, &reply);
	if (r >= 0)
		return print_report(reply, done);
	if (!sd_bus_error_has_name(&error, BUS_ERROR_CONFIGURATION))
		return ctl_call_failed(&error, r);
	for (const char *text = error.message; *text; text += strspn(text, "\n")) {
		size_t len = strcspn(text, "\n");

		fprintf(stderr, "pmdswapctl: %.*s\n", (int)len, text);
		text += len;
	}
	fprintf(stderr, "pmdswapctl: configuration refused; the one before stays in force\n");
	return EXIT_FAILED;
}

enum exit_code ctl_reload(const struct ctl *x, const char *argument)
{
	_cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
	enum exit_code code;

	if (ctl_open_for_polkit(x, &bus) >= 0)
		return ctl_call_change(bus, "Reload", "Configuration reloaded");
	code = ctl_connect(x, CHANGE_TIMEOUT_USEC, &bus);
	return code != EXIT_OK ? code : ctl_call_change(bus, "Reload", "Configuration reloaded");
}
