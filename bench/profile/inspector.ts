import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';

const PositionSchema = z.object({
  functionName: z.string(),
  url: z.string(),
  /** Both from 0. */
  lineNumber: z.int(),
  columnNumber: z.int(),
});

/** A CPU profile as V8 gives it. Source: Chrome DevTools Protocol, "Profiler.Profile". */
const CpuProfileSchema = z.object({
  nodes: z.array(
    z.object({ id: z.int(), callFrame: PositionSchema, children: z.array(z.int()).default([]) }),
  ),
  /** Node of each sample, and the microseconds that passed before it. */
  samples: z.array(z.int()),
  timeDeltas: z.array(z.number()),
});
export type CpuProfile = z.infer<typeof CpuProfileSchema>;
const StoppedSchema = z.object({ profile: CpuProfileSchema });

/** What SIGUSR1 opens. One process at a time has it. */
const inspectorPort = 9229;

const TargetsSchema = z.array(z.object({ webSocketDebuggerUrl: z.string() }));
const AnswerSchema = z.object({
  id: z.int(),
  result: z.unknown(),
  error: z.object({ message: z.string() }).optional(),
});

/** Samples a running Node process from now until `stop`, and then closes its inspector. */
export async function profileProcess(pid: number): Promise<{ stop(): Promise<CpuProfile> }> {
  const session = await openInspector(pid);
  await session.ask('Profiler.enable', {});
  await session.ask('Profiler.setSamplingInterval', { interval: 250 });
  await session.ask('Profiler.start', {});
  return {
    async stop() {
      const { profile } = StoppedSchema.parse(await session.ask('Profiler.stop', {}));
      await session.ask('Profiler.disable', {});
      await closeInspector(session);
      return profile;
    },
  };
}

/** Collects what a running Node process no longer uses. */
export async function collectGarbage(pid: number): Promise<void> {
  const session = await openInspector(pid);
  await session.ask('HeapProfiler.collectGarbage', {});
  await closeInspector(session);
}

async function openInspector(pid: number): Promise<Session> {
  process.kill(pid, 'SIGUSR1');
  return connect(await findTarget());
}

async function closeInspector(session: Session): Promise<void> {
  session.tell('Runtime.evaluate', { expression: "process.getBuiltinModule('node:inspector').close()" });
  await session.closed;
}

async function findTarget(): Promise<string> {
  const deadline = Date.now() + 5000;
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${inspectorPort}/json/list`);
      const [target] = TargetsSchema.parse(await response.json());
      if (target !== undefined) return target.webSocketDebuggerUrl;
    } catch (cause) {
      if (Date.now() > deadline) throw new Error(`no inspector on port ${inspectorPort}`, { cause });
    }
    await sleep(50);
  }
}

interface Session {
  ask(method: string, params: object): Promise<unknown>;
  tell(method: string, params: object): void;
  readonly closed: Promise<void>;
}

async function connect(url: string): Promise<Session> {
  const socket = new WebSocket(url);
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let next = 1;
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error(`${url} can't be reached`)), { once: true });
  });
  socket.addEventListener('message', ({ data }) => {
    const answer = AnswerSchema.safeParse(JSON.parse(String(data)));
    if (!answer.success) return;
    const { id, result, error } = answer.data;
    if (error === undefined) waiting.get(id)?.resolve(result);
    else waiting.get(id)?.reject(new Error(error.message));
    waiting.delete(id);
  });
  const closed = new Promise<void>((resolve) => {
    socket.addEventListener('close', () => resolve(), { once: true });
  });
  const tell = (method: string, params: object): number => {
    const id = next++;
    socket.send(JSON.stringify({ id, method, params }));
    return id;
  };
  return {
    closed,
    tell,
    ask(method, params) {
      const answer = Promise.withResolvers<unknown>();
      waiting.set(tell(method, params), answer);
      return answer.promise;
    },
  };
}
