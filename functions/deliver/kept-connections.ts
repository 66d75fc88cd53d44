import type { Agent } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import type { Protocol } from '../shared/address-guard.ts';
import { http } from '../shared/node-http.ts';
import { maxTlsMessages, tlsOptions } from './tls-peer.ts';

export interface ConnectionLimits {
  /** Idle connections to all hosts together, of either protocol: the oldest one makes room for the next. */
  maxIdle: number;
  /** Idle connections to one host. */
  maxIdlePerHost: number;
  /** An idle connection is closed after this. */
  idleMs: number;
  /** One that is older is not kept after its next use. */
  maxAgeMs: number;
  /** See `tls-peer.ts`. */
  maxTlsMessages: number;
}

/** A Lambda function has 1,024 file descriptors, and whoever registers many host names must not take them all. */
export const connectionLimits: ConnectionLimits = {
  maxIdle: 128,
  maxIdlePerHost: 16,
  idleMs: 30_000,
  maxAgeMs: 300_000,
  maxTlsMessages,
};

/** Those of connections that are used once, and of the others, too. */
export const connectionOptions = {
  // Node's 250 ms per address gives up on hosts that are far away.
  autoSelectFamilyAttemptTimeout: 1_000,
  ...tlsOptions,
} as const;

/** Connections are kept for the next event to the same host: a TLS handshake costs more than the POST. */
export function createKeptAgents(limits: ConnectionLimits): Record<Protocol, Agent> {
  const idle = new IdleConnections(limits);
  const options = {
    ...connectionOptions,
    keepAlive: true,
    maxFreeSockets: limits.maxIdlePerHost,
    scheduling: 'lifo',
    // Ends idle connections only: Node leaves busy ones to the deadline.
    timeout: limits.idleMs,
  } as const;
  return {
    'http:': withIdle(new http.Agent(options), idle),
    'https:': withIdle(new https.Agent(options), idle),
  };
}

/**
 * Not `maxTotalSockets`: Node queues requests then, though what idles belongs to other hosts. The set is in the order
 * in which they came to idle.
 */
class IdleConnections {
  readonly #limits: ConnectionLimits;
  readonly #idle = new Set<Duplex>();
  /** When each came to idle first. */
  readonly #since = new WeakMap<Duplex, number>();

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /**
   * Whether it may stay. One that is never given up under steady traffic would never ask again where its name leads, nor
   * see that its certificate has expired.
   */
  add(socket: Duplex): boolean {
    const now = performance.now();
    const since = this.#since.get(socket) ?? this.#begin(socket, now);
    if (now - since > this.#limits.maxAgeMs) return false;
    this.#idle.add(socket);
    if (this.#idle.size > this.#limits.maxIdle) this.#endOldest();
    return true;
  }

  #begin(socket: Duplex, now: number): number {
    this.#since.set(socket, now);
    socket.once('close', () => this.#idle.delete(socket));
    return now;
  }

  #endOldest(): void {
    const [oldest] = this.#idle;
    if (oldest === undefined) return;
    this.#idle.delete(oldest);
    oldest.destroy();
  }

  remove(socket: Duplex): void {
    this.#idle.delete(socket);
  }
}

/** The agent calls both for each connection that comes to idle, or no longer does. */
function withIdle(agent: Agent, idle: IdleConnections): Agent {
  const keepSocketAlive = agent.keepSocketAlive.bind(agent);
  const reuseSocket = agent.reuseSocket.bind(agent);
  agent.keepSocketAlive = (socket) => {
    // False where the other side has said that it won't keep it for long; the types don't know it.
    const kept: unknown = keepSocketAlive(socket);
    return kept === true && idle.add(socket);
  };
  agent.reuseSocket = (socket, request) => {
    idle.remove(socket);
    reuseSocket(socket, request);
  };
  return agent;
}
