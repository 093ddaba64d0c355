import { IsBoolean, IsIn, IsOptional } from 'class-validator';
import { PageQuery, pageOf } from '../../platform/http/pagination.js';
import type { ToolSourceName } from './tool.js';

export class ListToolsQuery extends PageQuery {
  @IsOptional()
  @IsIn(['builtin', 'mcp', 'agent'])
  source?: ToolSourceName;
}

export class UpdateToolDto {
  /** True also agrees to what the tool has become. */
  @IsBoolean()
  enabled: boolean;
}

export class ToolDto {
  /** `server:tool`. */
  name: string;
  description: string;
  /** JSON Schema. */
  inputSchema: Record<string, unknown>;
  source: ToolSourceName;
  enabled: boolean;
  /** Its definition is another than the one that was agreed to. */
  changed: boolean;
}

export class ToolPage extends pageOf(ToolDto) {}
