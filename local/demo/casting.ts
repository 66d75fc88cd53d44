import type { OpenCommand } from '../../schemas/tower-command.ts';
import { demoTowerIds, type Place } from './network.ts';
import type { OpenCase } from './notebook.ts';
import { continued, opening, plots, repertoire, type Circumstances, type PlotName } from './programme.ts';
import { doorStory } from './stories/door.ts';
import type { Call, Offer, Outcome, Report, Story } from './stories/step.ts';

export interface CastingOptions extends Circumstances {
  /** What an earlier run left open: their stories go on. */
  open: readonly OpenCase[];
  /** Told of everything that a later run would have to go on with, whenever that changes. */
  keep: (open: readonly OpenCase[]) => void;
}

/** A step that is not just waiting. */
export type Deed = Report | Call | Offer;

/** Something to do, and whom to tell what came of it. */
export interface Scene {
  deed: Deed;
  done: (outcome: Outcome) => void;
  /** The story ends here. `forget`: a later run could not go on with it either. */
  fail: (options: { forget: boolean }) => void;
}

export interface Casting {
  /** What happens next; null when all wait. */
  next(): Scene | null;
  /** A tower was told to open a door. That goes before everything else: somebody stands there. */
  openDoor(towerId: string, command: OpenCommand): void;
}

interface Running {
  place: Place | null;
  story: Story;
  isUrgent: boolean;
  /** What came of the last step. */
  outcome: Outcome;
  note: OpenCase | null;
  /** Until when nothing happens here. */
  waitsUntilMs: number;
}

/** How many stories are about to go on at any time. */
const stage = 8;
/** A locker where something went wrong is left alone for a while. */
const restMs = 10 * 60_000;

const nothing: Outcome = { kind: 'nothing' };
const placeKey = ({ towerId, locker }: Place): string => `${towerId}/${locker}`;

function* silence(): Story {}

/** Chooses what happens next in the demo network. Never two stories at one locker. */
export function createCasting(options: CastingOptions): Casting {
  const { now, random } = options;
  const running: Running[] = options.open.flatMap((note) => {
    const story = continued(options, note);
    return story === null ? [] : [{ ...newcomer(note.place, story), note }];
  });
  const programme = opening.values();
  const pick = <T>(choices: readonly T[]): T | undefined => choices[Math.floor(random() * choices.length)];

  const start = (): void => {
    const name = programme.next().value ?? pick(repertoire);
    const begun = name === undefined ? null : begin(options, name, running, pick);
    if (begun !== null) running.push(begun);
  };
  const keep = () => options.keep(running.flatMap(({ note }) => note ?? []));

  return {
    next() {
      // An ended story frees its place and another begins; a few turns suffice, whatever chance says.
      for (let turn = 0; turn < 20; turn += 1) {
        const awake = running.filter(({ waitsUntilMs }) => waitsUntilMs <= now());
        if (awake.length < stage) start();
        const current = awake.find(({ isUrgent }) => isUrgent) ?? awake[0];
        if (current === undefined) continue;
        // To the end of the line: everyone gets a turn.
        running.splice(running.indexOf(current), 1);
        running.push(current);
        const deed = goOn(current, now());
        if (deed !== null) return sceneOf(current, deed, { now, keep });
        if (current.waitsUntilMs === over) {
          running.pop();
          if (current.note !== null) keep();
        }
      }
      return null;
    },
    openDoor(towerId, command) {
      const story = doorStory({ towerId, command, now, random });
      running.push({ ...newcomer(null, story), isUrgent: true });
    },
  };
}

const newcomer = (place: Place | null, story: Story): Running => ({
  place,
  story,
  isUrgent: false,
  outcome: nothing,
  note: null,
  waitsUntilMs: 0,
});

function begin(
  options: CastingOptions,
  name: PlotName,
  running: readonly Running[],
  pick: <T>(choices: readonly T[]) => T | undefined,
): Running | null {
  const plot = plots[name];
  if (plot.places === null) return newcomer(null, plot.begin(options, pick(demoTowerIds) ?? demoTowerIds[0]));
  const taken = new Set(running.flatMap(({ place }) => (place === null ? [] : placeKey(place))));
  const place = pick(plot.places.filter((one) => !taken.has(placeKey(one))));
  return place === undefined ? null : newcomer(place, plot.begin(options, place));
}

const over = Number.POSITIVE_INFINITY;
const performing = Number.MAX_VALUE;

/** The next deed, or null when there is none for now; `waitsUntilMs` says for how long. */
function goOn(current: Running, nowMs: number): Deed | null {
  const { value, done } = current.story.next(current.outcome);
  current.outcome = nothing;
  if (done === true) current.waitsUntilMs = over;
  else if (value.kind === 'wait') current.waitsUntilMs = nowMs + value.seconds * 1_000;
  else {
    current.waitsUntilMs = performing;
    return value;
  }
  return null;
}

const sceneOf = (
  current: Running,
  deed: Deed,
  { now, keep }: { now: () => number; keep: () => void },
): Scene => ({
  deed,
  done(outcome) {
    current.outcome = outcome;
    current.waitsUntilMs = 0;
    if (deed.kind !== 'call' || deed.open === undefined || outcome.kind !== 'answered') return;
    // At once: whatever stops the demo, the next run finds it.
    current.note = deed.open(outcome.answer);
    keep();
  },
  fail({ forget }) {
    // What runs out at the end of the rest is nothing.
    current.story = silence();
    current.waitsUntilMs = now() + (current.place === null ? 0 : restMs);
    if (forget) current.note = null;
  },
});
