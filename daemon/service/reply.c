// SPDX-License-Identifier: GPL-2.0
#include "service/reply.h"

#include <errno.h>
#include <stdio.h>

#include "system/interface.h"

int reply_append_report(sd_bus_message *reply, const struct report *report)
{
	static const char *const kinds[] = {
		[REPORT_ERROR] = "error",
		[REPORT_WARNING] = "warning",
	};
	int r = sd_bus_message_open_container(reply, 'a', "(ss)");

	for (size_t i = 0; r >= 0 && i < report->n; i++) {
		_cleanup_free_ char *text = message_format(&report->messages[i]);

		r = -ENOMEM;
		if (text)
			r = sd_bus_message_append(reply, "(ss)",
						  kinds[report->messages[i].severity], text);
	}
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

int reply_reload(sd_bus_message *call, const struct verdict *v)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	_cleanup_free_ char *all = NULL;
	size_t size;
	FILE *f;
	int r;

	if (v->accepted) {
		r = sd_bus_message_new_method_return(call, &reply);
		if (r >= 0)
			r = sd_bus_message_append(reply, "t", (uint64_t)v->report.changes);
		if (r >= 0)
			r = reply_append_report(reply, &v->report);
		return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
	}
	f = open_memstream(&all, &size);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < v->report.n; i++) {
		_cleanup_free_ char *text = message_format(&v->report.messages[i]);

		fprintf(f, "%s%s", i ? "\n" : "", text ?: v->report.messages[i].text);
	}
	if (fclose(f) != 0)
		return -ENOMEM;
	return sd_bus_reply_method_errorf(call, BUS_ERROR_CONFIGURATION, "%s", all);
}
