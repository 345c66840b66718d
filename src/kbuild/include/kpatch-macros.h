/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the author of a patch can tell kptool in the patched source. The names, and the sections that carry the answers,
 * are those of kpatch, so that patches written for it build unchanged. docs/author-guide.md says when to use which.
 */
#ifndef KPTOOL_KPATCH_MACROS_H
#define KPTOOL_KPATCH_MACROS_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/livepatch.h>
#include <linux/printk.h>

/* The argument of every callback. */
typedef struct klp_object patch_object;

/*
 * Every macro here that is a declaration ends it, so that it can be written with or without a semicolon behind it. genksyms
 * reads the source too, for the checksums of exported symbols, and needs none of this.
 */
#ifdef __GENKSYMS__
#define KPTOOL_RECORD(...)
#else
#define KPTOOL_RECORD(...) __VA_ARGS__
#endif

#define KPTOOL_IN_SECTION(name) __used __attribute__((__section__(name)))

/*
 * Callbacks. The livepatch core calls them around the patching of the klp object (module or vmlinux) that this source file
 * belongs to; one of each kind for a klp object. A pre-patch callback that does not return 0 keeps the object unpatched.
 * The second member is filled in when the patched object is compared with the original one.
 */
#define KPTOOL_CALLBACK(kind, result, function)								\
	KPTOOL_RECORD(											\
	_Static_assert(__builtin_types_compatible_p(typeof(&function), result (*)(struct klp_object *)),	\
		       "the " #kind " callback must be " #result " " #function "(patch_object *)");		\
	static struct {											\
		result (*fn)(struct klp_object *);								\
		char *objname;											\
	} kpatch_##kind##_data KPTOOL_IN_SECTION(".kpatch.callbacks." #kind) = { .fn = function };)

#define KPATCH_PRE_PATCH_CALLBACK(function)	KPTOOL_CALLBACK(pre_patch, int, function)
#define KPATCH_POST_PATCH_CALLBACK(function)	KPTOOL_CALLBACK(post_patch, void, function)
#define KPATCH_PRE_UNPATCH_CALLBACK(function)	KPTOOL_CALLBACK(pre_unpatch, void, function)
#define KPATCH_POST_UNPATCH_CALLBACK(function)	KPTOOL_CALLBACK(post_unpatch, void, function)

/* The function stays as it is in the target, whatever became of it here. */
#define KPATCH_IGNORE_FUNCTION(function)									\
	KPTOOL_RECORD(static void *__kpatch_ignore_func_##function						\
		      KPTOOL_IN_SECTION(".kpatch.ignore.functions") = function;)

/* A change of the section is none. The name is a string, as readelf -S prints it. */
#define KPATCH_IGNORE_SECTION(section)									\
	KPTOOL_RECORD(static const char *__UNIQUE_ID(kpatch_ignore_section_)					\
		      KPTOOL_IN_SECTION(".kpatch.ignore.sections") = section;)

/*
 * The function may be switched over while tasks run it. Kernels since 4.16 cannot be told so of a single function; kptool
 * warns, and says how the whole livepatch is forced.
 */
#define KPATCH_FORCE_UNSAFE(function)									\
	KPTOOL_RECORD(static void *__kpatch_force_func_##function						\
		      KPTOOL_IN_SECTION(".kpatch.force") = function;)

/*
 * printk() without its side effect on the code around it: it is declared cold, and the compiler moves code that leads to a
 * cold call out of the function, or stops inlining into it. A condition that the compiler cannot foresee keeps the effect to
 * the call itself. It always holds, but for the instant in which jiffies wraps around.
 */
#define KPATCH_PRINTK(format, ...)										\
	({													\
		if (jiffies)											\
			printk(format, ##__VA_ARGS__);								\
	})
#define KPATCH_PRINTK_DEFERRED(format, ...)									\
	({													\
		if (jiffies)											\
			printk_deferred(format, ##__VA_ARGS__);							\
	})

/* static_call() through the key's pointer, for a key that is defined in a module: static calls cannot be patched in there. */
#define KPATCH_STATIC_CALL(name)										\
	((typeof(&STATIC_CALL_TRAMP(name)))READ_ONCE(STATIC_CALL_KEY(name).func))

/*
 * SYSCALL_DEFINEn() for a system call that the patch changes. The body that the kernel's macro makes is inline and therefore
 * has no ftrace entry. With another name for the assembler it is a new function, which needs none; the functions around it,
 * which have one, are replaced. A C name that was declared with an assembler name keeps it in all later declarations.
 */
#define KPTOOL_SYSCALL_DEFINE(count, name, ...)								\
	static inline long __do_sys##name(__MAP(count, __SC_DECL, __VA_ARGS__)) __asm__("kpatch_do_sys" #name);	\
	SYSCALL_DEFINEx(count, name, __VA_ARGS__)

#define KPATCH_SYSCALL_DEFINE1(name, ...) KPTOOL_SYSCALL_DEFINE(1, _##name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE2(name, ...) KPTOOL_SYSCALL_DEFINE(2, _##name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE3(name, ...) KPTOOL_SYSCALL_DEFINE(3, _##name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE4(name, ...) KPTOOL_SYSCALL_DEFINE(4, _##name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE5(name, ...) KPTOOL_SYSCALL_DEFINE(5, _##name, __VA_ARGS__)
#define KPATCH_SYSCALL_DEFINE6(name, ...) KPTOOL_SYSCALL_DEFINE(6, _##name, __VA_ARGS__)

#endif
