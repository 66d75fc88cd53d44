import { LockerResourceSchema } from '../../../schemas/api/tower.ts';
import { look, sendLink, type Link, type LinkPlot, type View, type Wanted } from './link.ts';
import { ask, nothingTold, type Step, type Story } from './step.ts';

const betweenLooksSeconds = 4;

/** A link for whoever watches the demo; once it was used, one that takes the item out again; and so on. */
export function* guestStory(plot: LinkPlot, left: Link | null = null): Story {
  if (left !== null) {
    const { status, flow } = yield* look(plot, left);
    if (status === 'waiting' || status === 'failed') yield offer(plot, left, flow);
    if (!isOver(status)) yield* untilOver(plot, left);
  }
  for (;;) {
    const wanted = yield* nextFlow(plot);
    const link = yield* sendLink(plot, wanted);
    yield offer(plot, link, wanted.flow);
    yield* untilOver(plot, link);
  }
}

const offer = ({ place }: LinkPlot, { link }: Link, flow: Wanted['flow']): Step => ({
  kind: 'offer',
  place,
  path: new URL(link).pathname,
  flow,
});

const isOver = (status: View['status']): boolean =>
  status === 'used' || status === 'expired' || status === 'canceled';

function* untilOver(plot: LinkPlot, link: Link): Story {
  do yield { kind: 'wait', seconds: betweenLooksSeconds };
  while (!isOver((yield* look(plot, link)).status));
}

/** Into a locker that is free; out of one that something is in. */
function* nextFlow({ partner, place }: LinkPlot): Story<Wanted> {
  const { towerId, locker } = place;
  const answer = yield* ask({
    clientId: partner.clientId,
    request: { method: 'GET', path: `/v1/towers/${towerId}/lockers/${locker}` },
    tell: nothingTold,
  });
  const { status } = LockerResourceSchema.pick({ status: true }).parse(answer.body);
  return { flow: status === 'occupied' ? 'pickup' : 'dropoff', locker };
}
