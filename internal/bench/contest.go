package main

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A contest runs the tools at jobs, side by side: in each repetition one after
// the other, so that what the machine does besides falls on all of them.
type contest struct {
	lab        *lab
	place      string // the file system, for the report
	tools      []tool
	conditions []condition
	times      int           // repetitions
	age        time.Duration // of changes when a run begins
	progress   io.Writer
}

// A result is what a tool took at a job under a condition.
type result struct {
	place string
	job   job
	tool  string
	condition
	samples []sample
}

// run runs one job under all conditions.
func (c *contest) run(ctx context.Context, j job) ([]result, error) {
	var stages []*stage
	defer func() {
		for _, s := range stages {
			s.remove()
		}
	}()
	for _, t := range c.tools {
		if !t.can(j.kind) {
			continue
		}
		c.tell("%s: preparing %s", j.id, t.name)
		s, err := newStage(ctx, c.lab, j, t)
		if err == nil {
			stages = append(stages, s)
			err = s.prepare(ctx)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s: prepare: %w", j.id, t.name, err)
		}
	}
	var results []result
	for _, under := range c.conditions {
		list, err := c.under(ctx, j, stages, under)
		if err != nil {
			return nil, err
		}
		results = append(results, list...)
	}
	return results, nil
}

// under runs one job under one condition.
func (c *contest) under(ctx context.Context, j job, stages []*stage, under condition) ([]result, error) {
	results := make([]result, len(stages))
	for i, s := range stages {
		results[i] = result{place: c.place, job: j, tool: s.tool.name, condition: under}
	}
	for round := range c.times {
		running := stages
		if round > 0 {
			running = repeated(stages)
		}
		if err := c.round(ctx, running, under, round == 0); err != nil {
			return nil, err
		}
		for i, s := range stages {
			sample, err := c.measure(ctx, s, under, round)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %s: %w", j.id, s.tool.name, under, err)
			}
			if sample != nil {
				results[i].samples = append(results[i].samples, *sample)
			}
		}
	}
	return results, nil
}

// measure runs one stage, unless its tool is run only once.
func (c *contest) measure(ctx context.Context, s *stage, under condition, round int) (*sample, error) {
	if round > 0 && s.tool.once {
		return nil, nil
	}
	result, err := s.measure(ctx, under)
	if err != nil {
		return nil, err
	}
	c.tell("%s: %s: %s: %.3f s, %d turns", s.job.id, s.tool.name, under, result.wall.Seconds(), result.turns)
	return &result, nil
}

// repeated are the stages whose tools are run more than once.
func repeated(stages []*stage) (list []*stage) {
	for _, s := range stages {
		if !s.tool.once {
			list = append(list, s)
		}
	}
	return list
}

// round makes the stages ready: what the last run left is settled, then the
// next change is made, and both are given time.
func (c *contest) round(ctx context.Context, stages []*stage, under condition, first bool) error {
	if len(stages) == 0 {
		return nil
	}
	kind := stages[0].job.kind
	if kind.paired() && (first || !kind.idle()) {
		if err := c.ripen(ctx); err != nil {
			return err
		}
		for _, s := range stages {
			if err := s.settle(ctx, under.tls); err != nil {
				return fmt.Errorf("%s: %s: settle: %w", s.job.id, s.tool.name, err)
			}
		}
	}
	for _, s := range stages {
		if err := s.before(ctx); err != nil {
			return fmt.Errorf("%s: %s: before the run: %w", s.job.id, s.tool.name, err)
		}
	}
	if kind.idle() {
		return nil
	}
	return c.ripen(ctx)
}

// ripen waits until changes are old enough.
func (c *contest) ripen(ctx context.Context) error {
	select {
	case <-time.After(c.age):
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell shows progress.
func (c *contest) tell(format string, args ...any) {
	fmt.Fprintf(c.progress, "%s "+format+"\n", append([]any{time.Now().Format(time.TimeOnly)}, args...)...)
}
