/*
 * An ALSA sequencer in which nobody is connected and to which no event ever comes, for machines whose kernel has none: qtractor
 * starts only where it can open one. Preloaded into qtractor by `src/daw/qtractor.rs`, which compiles it.
 *
 * These are the functions of libasound that ask the kernel, as far as qtractor calls them; the others, which read and write
 * structures, are libasound's own. MIDI is therefore not tested in qtractor.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a handle is here: something to wait on that never happens. */
struct handle { int never; };

int snd_seq_open(struct handle **handle, const char *name, int streams, int mode)
{
	(void)name, (void)streams, (void)mode;
	*handle = malloc(sizeof **handle);
	if (*handle == NULL)
		return -ENOMEM;
	(*handle)->never = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

int snd_seq_close(struct handle *handle)
{
	close(handle->never);
	free(handle);
	return 0;
}

int snd_seq_poll_descriptors_count(struct handle *handle, short events)
{
	(void)handle, (void)events;
	return 1;
}

int snd_seq_poll_descriptors(struct handle *handle, struct pollfd *descriptors, unsigned space, short events)
{
	if (space < 1)
		return 0;
	descriptors->fd = handle->never;
	descriptors->events = events;
	descriptors->revents = 0;
	return 1;
}

int snd_seq_client_id(void *handle) { (void)handle; return 128; }
int snd_seq_event_input(void *handle, void **event) { (void)handle; *event = NULL; return -EAGAIN; }

/* Whatever is asked to be done is done. */
#define DONE(name) int name(void *handle) { (void)handle; return 0; }
DONE(snd_seq_alloc_queue)
DONE(snd_seq_free_queue)
DONE(snd_seq_control_queue)
DONE(snd_seq_set_queue_tempo)
DONE(snd_seq_set_queue_timer)
DONE(snd_seq_get_queue_tempo)
DONE(snd_seq_get_queue_status)
DONE(snd_seq_set_client_name)
DONE(snd_seq_create_simple_port)
DONE(snd_seq_delete_simple_port)
DONE(snd_seq_get_port_info)
DONE(snd_seq_set_port_info)
DONE(snd_seq_subscribe_port)
DONE(snd_seq_unsubscribe_port)
DONE(snd_seq_event_output)
DONE(snd_seq_event_output_direct)
DONE(snd_seq_event_input_pending)
DONE(snd_seq_drain_output)
DONE(snd_seq_drop_output)
DONE(snd_seq_drop_input)
DONE(snd_seq_remove_events)

/* Nobody else is there. */
#define NOBODY(name) int name(void *handle) { (void)handle; return -ENOENT; }
NOBODY(snd_seq_query_next_client)
NOBODY(snd_seq_query_next_port)
NOBODY(snd_seq_query_port_subscribers)
NOBODY(snd_seq_get_any_client_info)
NOBODY(snd_seq_get_any_port_info)
