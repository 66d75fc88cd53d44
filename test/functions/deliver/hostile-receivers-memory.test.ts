import { describeMemory } from './memory-of-endless.ts';

describeMemory('http');
