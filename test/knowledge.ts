import type { Passage } from '../src/contracts/passage.js';
import { KnowledgeTools, type KnowledgeQuery, type KnowledgeSearch } from '../src/modules/tools/tool-knowledge.js';
import { ToolRegistry } from '../src/modules/tools/tool-registry.service.js';
import type { TestApp } from './app.js';

/** Knowledge that finds what a test says; stands in for collections of documents. */
export class ScriptedKnowledge implements KnowledgeSearch {
  readonly asked: KnowledgeQuery[] = [];
  /** By a word of the query. */
  private readonly passages = new Map<string, Passage[]>();

  constructor(app: TestApp) {
    app.nest.get(ToolRegistry, { strict: false }).addSource(new KnowledgeTools(this));
  }

  finds(word: string, ...passages: Passage[]): void {
    this.passages.set(word, passages);
  }

  search(query: KnowledgeQuery): Promise<Passage[]> {
    this.asked.push(query);
    return Promise.resolve([...this.passages].find(([word]) => query.query.includes(word))?.[1] ?? []);
  }
}
