import type { Scenario } from '../scenario.ts';
import { backlog } from './backlog.ts';
import { bill } from './bill.ts';
import { burst } from './burst.ts';
import { cpu } from './cpu.ts';
import { endpoints } from './endpoints.ts';
import { fanOut } from './fan-out.ts';
import { flush } from './flush.ts';
import { isolation } from './isolation.ts';
import { kills } from './kills.ts';
import { ordered } from './ordered.ts';
import { profile } from './profile.ts';
import { steady } from './steady.ts';
import { timers } from './timers.ts';
import { tls } from './tls.ts';
import { towers } from './towers.ts';

/** In the order in which they run. */
export const scenarios: readonly Scenario[] = [
  steady,
  burst,
  fanOut,
  towers,
  endpoints,
  isolation,
  flush,
  backlog,
  kills,
  ordered,
  timers,
  tls,
  bill,
  cpu,
  profile,
];
