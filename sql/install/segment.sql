-- ---------------------------------------------------------------------------
-- segments
-- ---------------------------------------------------------------------------

CREATE FUNCTION rfm_segment(cell text, grid text DEFAULT 'standard', bins integer DEFAULT 5) RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_segment(text, text, integer) IS
'name of the segment of an RFM cell such as ''543'' (R, F, M scores of 1 to bins, bins best), on grid ''standard'' (11 segments, R and (F + M) / 2) or ''rf'' (10 segments, R and F)';

CREATE FUNCTION rfm_grid(grid text DEFAULT 'standard', bins integer DEFAULT 5)
RETURNS TABLE (r integer, f integer, m integer, cell text, segment text)
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 125;
COMMENT ON FUNCTION rfm_grid(text, integer) IS
'every RFM cell of a grid with its segment, best scores first: the rule that rfm_segment applies, to look at, to join or to copy into a table of one''s own';

CREATE FUNCTION rfm_segment_label(segment text, lang text DEFAULT 'en') RETURNS text
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION rfm_segment_label(text, text) IS
'display name of a segment in English (''en'') or French (''fr''), also of ''none'' and ''unscored''; NULL for any other name: coalesce(rfm_segment_label(segment, ''fr''), segment)';

CREATE FUNCTION rfm_grid_check(rules_table regclass, bins integer DEFAULT 5)
RETURNS TABLE (problem text, r integer, f integer, m integer, cell text, segments text)
AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION rfm_grid_check(regclass, integer) IS
'what is wrong with your own table of rules (segment, and any of r_min, r_max, f_min, f_max, m_min, m_max, fm_min, fm_max; inclusive, NULL is no limit, fm is (f + m + 1) / 2): cells that are a ''hole'', an ''overlap'' or ''unnamed'', and rules ''unused''; no rows: SELECT s.*, g.segment FROM rfm_segments(...) s LEFT JOIN my_rules g ON s.r BETWEEN g.r_min AND g.r_max AND ... names every scored customer once (where a bound may be NULL, write coalesce(g.r_min, s.r))';
