import { Injectable } from '@nestjs/common';
import type { GetPromptResult, Prompt } from '@modelcontextprotocol/sdk/types.js';
import { SessionTemplates } from '../sessions/templates/session-templates.service.js';
import type { SessionTemplateDto } from '../sessions/templates/session-templates.dto.js';
import type { Listed, ServedPrompts } from './served.js';

const PAGE = 50;
const NAME_AND_ID = /^.* \(([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})\)$/s;

/** Session templates: what they have the model told. */
@Injectable()
export class TemplatePrompts implements ServedPrompts {
  readonly name = 'templates';
  readonly permission = 'sessions:read';

  constructor(private readonly templates: SessionTemplates) {}

  async list(cursor: string | undefined): Promise<Listed<Prompt>> {
    const { data, nextCursor } = await this.templates.list({ limit: PAGE, cursor });
    const newest = await this.templates.newestOf(data.map(({ name }) => name));
    const items = data.map((template) => ({
      // Prompts are asked for by their names, of which templates may have the same.
      name: newest.get(template.name) === template.id ? template.name : `${template.name} (${template.id})`,
      title: template.name,
      ...(template.title !== null && { description: template.title }),
    }));
    return { items, nextCursor };
  }

  async get(name: string): Promise<GetPromptResult | null> {
    const id = (await this.templates.newestOf([name])).get(name) ?? NAME_AND_ID.exec(name)?.[1];
    if (id === undefined) return null;
    const template = await this.templates.get(id);
    return name.startsWith(template.name) ? promptOf(template) : null;
  }
}

function promptOf({ name, title, systemPrompt }: SessionTemplateDto): GetPromptResult {
  const text = systemPrompt ?? title ?? name;
  return { description: title ?? name, messages: [{ role: 'user', content: { type: 'text', text } }] };
}
