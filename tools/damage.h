/* One damage of the store on stdout, for verify and repair. */
#ifndef ZIPLLM_TOOLS_DAMAGE_H
#define ZIPLLM_TOOLS_DAMAGE_H

#include "zipllm.h"

/* user: the session. A line of JSON, or "damaged: model M, file F, tensor T, PATH, offset N:
   REASON". */
void damage_tell(void *user, const zipllm_damage *damage);

#endif
