/** The answers of a CPU whose ABI has nothing special there; a CPU spreads them and says what differs. */
import type { Arch } from './arch.js';

export const ordinaryRules = {
  isLoaderOwn: () => false,
  hasEntryOfItsOwn: () => false,
  siblingCalls: () => [],
  relocatedBytes: () => 4,
} satisfies Partial<Arch>;
