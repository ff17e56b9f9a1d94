// SPDX-License-Identifier: GPL-2.0
#include "service/authorize.h"

#include <errno.h>
#include <stdlib.h>

/* Somebody may have to type a password. */
#define TIMEOUT_USEC (120 * 1000 * 1000ULL)

struct question {
	struct manager *manager;
	sd_bus_message *call;
	authorized_t done;
};

static void question_free(void *userdata)
{
	struct question *q = userdata;

	sd_bus_message_unref(q->call);
	free(q);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error)
{
	struct question *q = userdata;
	int authorized = 0, challenge;

	if (!sd_bus_message_is_method_error(reply, NULL) &&
	    sd_bus_message_enter_container(reply, 'r', "bba{ss}") >= 0)
		sd_bus_message_read(reply, "bb", &authorized, &challenge);
	q->done(q->manager, q->call, authorized > 0);
	return 0;
}

int manager_authorize(struct manager *m, sd_bus_message *call, const char *action,
		      authorized_t done)
{
	sd_bus *bus = sd_bus_message_get_bus(call);
	const char *sender = sd_bus_message_get_sender(call);
	_cleanup_(sd_bus_slot_unrefp) sd_bus_slot *slot = NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;
	struct question *q;
	int r;

	if (!sender || sd_bus_is_bus_client(bus) <= 0)
		return -EACCES;
	q = malloc(sizeof(*q));
	if (!q)
		return -ENOMEM;
	*q = (struct question){ m, sd_bus_message_ref(call), done };
	r = sd_bus_message_new_method_call(
		bus, &ask, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
		"org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
	if (r >= 0)
		r = sd_bus_message_append(
			ask, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", sender, action,
			0, (uint32_t)(sd_bus_message_get_allow_interactive_authorization(call) > 0),
			"");
	if (r >= 0)
		r = sd_bus_call_async(bus, &slot, ask, on_answer, q, TIMEOUT_USEC);
	if (r < 0) {
		question_free(q);
		return r;
	}
	/* The slot lives as long as the call, and the question as long as the slot. */
	sd_bus_slot_set_destroy_callback(slot, question_free);
	return sd_bus_slot_set_floating(slot, true);
}
