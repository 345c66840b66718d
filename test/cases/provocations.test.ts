/** The codes of the catalogue that come out only where there is a compiler, GNU patch and binutils. */
import { testProvocations } from '../provocations/tiers.js';

testProvocations('cases');
