/* Watches a file for changes and for changed attributes, and prints what the kernel says of the watch. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char name[64], text[4096];
	int inotify = inotify_init();

	if (argc != 2 || inotify_add_watch(inotify, argv[1], IN_MODIFY | IN_ATTRIB) < 0)
		return 1;
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", inotify);
	ssize_t length = read(open(name, O_RDONLY), text, sizeof(text));
	return length < 0 || write(1, text, length) != length;
}
