/** The codes of the catalogue that come out only where there is kernel headers. */
import { testProvocations } from '../provocations/tiers.js';

testProvocations('kernel');
