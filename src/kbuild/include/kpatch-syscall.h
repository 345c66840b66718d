/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Some patches name this header; what they want of it stands in kpatch-macros.h. */
#include "kpatch-macros.h"
